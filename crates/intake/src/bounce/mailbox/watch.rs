//! Comes back to a mailbox for as long as the service runs.

use std::fmt::Display;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::error::Error;
use super::visit::{Batch, Cursor, Mailbox};

/// How often a mailbox is visited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rhythm {
    /// From the end of one visit to the next.
    pub interval: Duration,
    /// The longest pause after failures, each of which doubles it.
    pub pause_max: Duration,
}

impl Default for Rhythm {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(60),
            pause_max: Duration::from_secs(15 * 60),
        }
    }
}

/// Who keeps what is learned.
pub trait Keeper: Send {
    /// Why something could not be kept.
    type Error: Display + Send;

    /// Keeps a batch and its cursor in one transaction. After an error the same messages are read again.
    fn keep(&mut self, batch: Batch) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Is told that a visit failed, after so many in a row, and when the next one is.
    fn failed(&mut self, problem: &str, failures: u32, pause: Duration);
}

/// Visits a mailbox again and again until `stop`, from behind `cursor`. A batch that is being kept is kept whole.
pub async fn watch<K: Keeper>(
    mailbox: &mut Mailbox,
    mut cursor: Option<Cursor>,
    keeper: &mut K,
    rhythm: Rhythm,
    stop: CancellationToken,
) {
    let mut failures = 0;
    loop {
        let visited = visit(mailbox, &mut cursor, keeper, &stop).await;
        let pause = match &visited {
            Ok(()) => rhythm.interval,
            Err(trouble) => {
                failures += 1;
                rhythm.pause(failures, trouble.remedy)
            }
        };
        match visited {
            Ok(()) => failures = 0,
            Err(trouble) => keeper.failed(&trouble.problem, failures, pause),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Why a visit failed.
struct Trouble {
    problem: String,
    remedy: Remedy,
}

/// What ends a trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Remedy {
    /// Time may.
    Time,
    /// Somebody has to change something.
    Person,
}

/// One visit, as far as nobody wants it to stop.
async fn visit<K: Keeper>(
    mailbox: &mut Mailbox,
    cursor: &mut Option<Cursor>,
    keeper: &mut K,
    stop: &CancellationToken,
) -> Result<(), Trouble> {
    let Some(opened) = stop.run_until_cancelled(mailbox.visit(*cursor)).await else {
        return Ok(());
    };
    let mut visit = opened?;
    while let Some(next) = stop.run_until_cancelled(visit.next()).await {
        let Some(batch) = next? else {
            break;
        };
        let behind = batch.cursor;
        keeper.keep(batch).await.map_err(|error| Trouble {
            problem: format!("what the bounce mailbox said cannot be kept: {error}"),
            remedy: Remedy::Time,
        })?;
        *cursor = Some(behind);
    }
    visit.leave().await;
    Ok(())
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        let remedy = match error {
            // A wrong password tried every minute gets an account locked.
            Error::Login(_) => Remedy::Person,
            _ => Remedy::Time,
        };
        Self {
            problem: error.to_string(),
            remedy,
        }
    }
}

impl Rhythm {
    /// The pause after so many failures in a row.
    fn pause(self, failures: u32, remedy: Remedy) -> Duration {
        let longest = self.pause_max.max(self.interval);
        match remedy {
            Remedy::Person => longest,
            Remedy::Time => {
                let doubled = 2u32.saturating_pow(failures.saturating_sub(1));
                self.interval.saturating_mul(doubled).min(longest)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_their_bound() {
        let rhythm = Rhythm::default();
        let seconds = |failures, remedy| rhythm.pause(failures, remedy).as_secs();
        let pauses: Vec<u64> = [1, 2, 3, 4, 5, 99]
            .map(|failures| seconds(failures, Remedy::Time))
            .into();
        assert_eq!(pauses, [60, 120, 240, 480, 900, 900]);
        assert_eq!(seconds(1, Remedy::Person), 900);
    }
}
