//! `glasspost config`: what can be set, what is set, and by whom.

use serde_json::{Value, json};

use crate::cli::{CheckArgs, ConfigVerb, ListArgs};
use crate::exit::Failure;
use crate::settings::service::table::{Key, NEEDLESS, SETTINGS, Setting};
use crate::settings::service::{Layers, Origin, ServiceSettings};
use crate::settings::{Environment, StoreAddress};
use crate::terminal;

/// What is shown instead of a secret.
const HIDDEN: &str = "(set, not shown)";

/// Runs the verb.
pub fn run(verb: &ConfigVerb, environment: &Environment) -> Result<(), Failure> {
    match verb {
        ConfigVerb::Check(args) => check(args, environment),
        ConfigVerb::List(args) => list(args),
    }
}

fn check(args: &CheckArgs, environment: &Environment) -> Result<(), Failure> {
    let file = super::service_config(&args.config, environment);
    let layers = Layers::new(file.as_deref(), environment, args.config.said())?;
    ServiceSettings::new(&layers)?;
    let rows = SETTINGS
        .iter()
        .map(|setting| (setting, shown(setting, &layers), layers.get(setting).origin));
    if args.json {
        let all: serde_json::Map<String, Value> = rows
            .map(|(setting, value, origin)| {
                let said = json!({"value": value, "from": origin.to_string()});
                (setting.name.to_owned(), said)
            })
            .collect();
        return Ok(terminal::print(&format!("{}\n", Value::Object(all)))?);
    }
    let mut text = String::new();
    for (setting, value, origin) in rows {
        text += &format!("{:<36} {value:<32} {origin}\n", setting.name);
    }
    for (variable, why) in NEEDLESS {
        if environment.named(variable).is_some() {
            text += &format!("{variable} decides nothing here: {why}\n");
        }
    }
    text += "the configuration can be used\n";
    Ok(terminal::print(&text)?)
}

fn list(args: &ListArgs) -> Result<(), Failure> {
    if args.json {
        let all: Vec<Value> = SETTINGS
            .iter()
            .map(|setting| {
                json!({"name": setting.name, "variables": setting.variables, "default": setting.default, "help": setting.help})
            })
            .collect();
        return Ok(terminal::print(&format!("{}\n", Value::Array(all)))?);
    }
    let mut text = String::new();
    for setting in SETTINGS {
        let default = match setting.default {
            "" => String::new(),
            default => format!(" [default: {default}]"),
        };
        text += &format!(
            "{}  ({}){default}\n    {}\n",
            setting.name,
            setting.variables.join(", "),
            setting.help
        );
    }
    Ok(terminal::print(&text)?)
}

fn shown(setting: &Setting, layers: &Layers) -> String {
    let given = layers.get(setting);
    match setting.key {
        // It may hold a password.
        Key::StoreAddress => StoreAddress::parse(&given.text)
            .map_or_else(|_| HIDDEN.to_owned(), |address| address.to_string()),
        _ if setting.is_secret && given.origin != Origin::Default => HIDDEN.to_owned(),
        _ => given.text,
    }
}
