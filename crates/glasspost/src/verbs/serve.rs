//! `glasspost serve`: the service from its start to its end.

use model::Secret;

use crate::cli::ServeArgs;
use crate::exit::Failure;
use crate::service::Service;
use crate::settings::service::table::NEEDLESS;
use crate::settings::service::{Layers, ServiceSettings};
use crate::settings::{Environment, Variable, data_folder};
use crate::signals;

/// Runs the verb.
pub async fn run(args: ServeArgs, environment: &Environment) -> Result<(), Failure> {
    let file = super::service_config(&args.config, environment);
    let layers = Layers::new(file.as_deref(), environment, args.said())?;
    let settings = ServiceSettings::new(&layers)?;
    for (variable, why) in NEEDLESS {
        if environment.named(variable).is_some() {
            tracing::warn!("{variable} decides nothing: {why}");
        }
    }
    let folder = data_folder(args.data.data.as_deref(), None, environment)?;
    let stop = signals::logged_stop_token(
        "stopping: what is under way is finished; again to stop at once",
    )?;
    let webhook_secret = environment.text(Variable::WebhookSecret).map(Secret::new);
    let service = Service::new(settings, &folder, webhook_secret).await?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "Service started");
    if let Some(path) = &service.token_kept_in {
        tracing::info!("The operator's token is in {}", path.display());
    }
    // Last, since whoever reads it asks at once.
    tracing::info!("Listening on {}", service.url());
    let ended = service.run(stop).await;
    tracing::info!("Service stopped");
    ended
}
