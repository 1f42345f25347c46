//! When a request is tried again, and after which wait.

use std::future::Future;
use std::time::Duration;

use jiff::fmt::rfc2822;
use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};
use tokio::time::{Instant, sleep};

use crate::error::Error;

/// How often and how long a request is tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The most attempts, the first one included. Zero counts as one.
    pub attempts_max: u32,
    /// The waits after the first, second, … attempt. The last one serves for all that follow.
    pub delays: Vec<Duration>,
    /// The longest wait that a server can ask for; longer wishes are cut to it.
    pub retry_after_max: Duration,
    /// The limit of one attempt.
    pub attempt_deadline: Duration,
    /// The limit of all attempts and the waits between them.
    pub deadline: Duration,
}

impl Default for RetryPolicy {
    /// Four attempts of at most 30 s, 1, 4 and 16 s apart, within two minutes.
    fn default() -> RetryPolicy {
        RetryPolicy {
            attempts_max: 4,
            delays: [1, 4, 16].map(Duration::from_secs).to_vec(),
            retry_after_max: Duration::from_secs(60),
            attempt_deadline: Duration::from_secs(30),
            deadline: Duration::from_secs(120),
        }
    }
}

impl RetryPolicy {
    /// How long to wait before the next attempt, after `attempts` attempts of which the last failed
    /// with `error` and with `left` of the deadline to go. `None` is to give up: the error will not
    /// pass, the attempts are used up, or the wait would outlast the deadline.
    pub fn wait(&self, attempts: u32, error: &Error, left: Duration) -> Option<Duration> {
        if attempts >= self.attempts_max || !may_pass(error) {
            return None;
        }
        let asked = asked_wait(error)
            .unwrap_or_default()
            .min(self.retry_after_max);
        let wait = self.delay(attempts).max(asked);
        (wait < left).then_some(wait)
    }

    fn delay(&self, attempts: u32) -> Duration {
        let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
        self.delays
            .get(index)
            .or(self.delays.last())
            .copied()
            .unwrap_or_default()
    }
}

/// Whether the same request may succeed later.
fn may_pass(error: &Error) -> bool {
    match error {
        Error::Unreachable { .. } | Error::TimedOut { .. } => true,
        Error::Status { status, .. } => matches!(status, 429 | 500..=599),
        Error::BadUrl(_)
        | Error::Refused(_)
        | Error::TooLarge { .. }
        | Error::Encoded { .. }
        | Error::Sink { .. }
        | Error::Setup { .. } => false,
    }
}

fn asked_wait(error: &Error) -> Option<Duration> {
    match error {
        Error::Status { retry_after, .. } => *retry_after,
        _ => None,
    }
}

/// The wait that a server asks for: seconds, or a date (RFC 9110 section 10.2.3). A date is measured
/// against the date of the same answer, so that neither side's clock matters.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let asked = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = asked.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let wait = unix_seconds(headers, RETRY_AFTER)?.saturating_sub(unix_seconds(headers, DATE)?);
    Some(Duration::from_secs(u64::try_from(wait).unwrap_or_default()))
}

fn unix_seconds(headers: &HeaderMap, name: HeaderName) -> Option<i64> {
    let text = headers.get(name)?.to_str().ok()?;
    Some(rfc2822::parse(text).ok()?.timestamp().as_second())
}

/// Runs `attempt` until it succeeds or the policy gives up; it is told how long it may take. Returns
/// the result with the number of attempts, or the last error.
pub(crate) async fn run<T, F>(
    policy: &RetryPolicy,
    mut attempt: impl FnMut(Duration) -> F,
) -> Result<(T, u32), Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let end = Instant::now() + policy.deadline;
    let mut attempts = 0;
    loop {
        attempts += 1;
        let left = end.saturating_duration_since(Instant::now());
        let error = match attempt(left.min(policy.attempt_deadline)).await {
            Ok(result) => return Ok((result, attempts)),
            Err(error) => error,
        };
        let left = end.saturating_duration_since(Instant::now());
        let Some(wait) = policy.wait(attempts, &error, left) else {
            return Err(error);
        };
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        tracing::info!(attempts, wait_ms, %error, "request failed, trying again");
        sleep(wait).await;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::Refusal;

    const LONG: Duration = Duration::from_secs(3600);

    fn policy() -> RetryPolicy {
        RetryPolicy {
            deadline: LONG,
            ..RetryPolicy::default()
        }
    }

    fn status(status: u16, retry_after: Option<u64>) -> Error {
        let retry_after = retry_after.map(Duration::from_secs);
        Error::Status {
            host: "h.example".to_owned(),
            status,
            retry_after,
        }
    }

    fn waits(error: &Error) -> Option<u64> {
        policy().wait(1, error, LONG).map(|wait| wait.as_secs())
    }

    #[test]
    fn what_may_pass_is_tried_again() {
        let host = || "h.example".to_owned();
        assert!(
            waits(&Error::Unreachable {
                host: host(),
                detail: String::new()
            })
            .is_some()
        );
        assert!(
            waits(&Error::TimedOut {
                host: host(),
                after: LONG
            })
            .is_some()
        );
        for code in [429, 500, 502, 503, 504, 599] {
            assert!(waits(&status(code, None)).is_some(), "{code}");
        }
    }

    #[test]
    fn what_will_not_pass_is_not_tried_again() {
        for code in [301, 304, 400, 401, 403, 404, 408, 410, 422, 499, 600] {
            assert!(waits(&status(code, Some(1))).is_none(), "{code}");
        }
        let refusal = Refusal::Port {
            host: "h.example".to_owned(),
            port: 25,
        };
        assert!(waits(&refusal.into()).is_none());
        assert!(
            waits(&Error::TooLarge {
                host: "h.example".to_owned(),
                bytes_max: 1
            })
            .is_none()
        );
    }

    #[test]
    fn delays_follow_the_list_and_stay_at_its_end() {
        let policy = RetryPolicy {
            attempts_max: 9,
            ..policy()
        };
        let wait = |attempts| {
            policy
                .wait(attempts, &status(500, None), LONG)
                .unwrap()
                .as_secs()
        };
        assert_eq!([1, 2, 3, 4, 8].map(wait), [1, 4, 16, 16, 16]);
        assert_eq!(policy.wait(9, &status(500, None), LONG), None);
        let hasty = RetryPolicy {
            delays: vec![],
            ..policy
        };
        assert_eq!(
            hasty.wait(1, &status(500, None), LONG),
            Some(Duration::ZERO)
        );
    }

    #[test]
    fn the_server_can_ask_for_more_time_but_only_so_much() {
        assert_eq!(waits(&status(429, Some(30))), Some(30));
        assert_eq!(waits(&status(503, Some(86_400))), Some(60));
        assert_eq!(waits(&status(503, Some(0))), Some(1));
    }

    #[test]
    fn no_wait_outlasts_the_deadline() {
        let left = Duration::from_secs(5);
        assert_eq!(
            policy().wait(2, &status(500, None), left),
            Some(Duration::from_secs(4))
        );
        assert_eq!(policy().wait(3, &status(500, None), left), None);
        assert_eq!(policy().wait(1, &status(429, Some(5)), left), None);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let read = |after: &str, date: &str| {
            let pairs = [(RETRY_AFTER, after), (DATE, date)];
            let headers = pairs
                .into_iter()
                .map(|(name, text)| (name, text.parse().unwrap()));
            retry_after(&headers.collect()).map(|wait| wait.as_secs())
        };
        let noon = "Sun, 22 Nov 2026 12:00:00 GMT";
        assert_eq!(read("120", noon), Some(120));
        assert_eq!(read(" 7 ", ""), Some(7));
        assert_eq!(read("Sun, 22 Nov 2026 12:01:30 GMT", noon), Some(90));
        assert_eq!(read("Sun, 22 Nov 2026 11:00:00 GMT", noon), Some(0));
        assert_eq!(read("Sun, 22 Nov 2026 12:01:30 GMT", ""), None);
        assert_eq!(read("soon", noon), None);
        assert_eq!(read("-1", noon), None);
        assert_eq!(read("99999999999999999999", noon), None);
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }

    /// Plays `script` against `policy`; returns the outcome and the second at which each attempt began.
    async fn play(
        policy: &RetryPolicy,
        script: Vec<Result<(), Error>>,
    ) -> (Result<((), u32), Error>, Vec<u64>) {
        let start = Instant::now();
        let begun = RefCell::new(Vec::new());
        let mut script = script.into_iter();
        let outcome = run(policy, |_| {
            begun.borrow_mut().push(start.elapsed().as_secs());
            let result = script.next().unwrap();
            async { result }
        });
        (outcome.await, begun.take())
    }

    #[tokio::test(start_paused = true)]
    async fn the_loop_waits_as_the_policy_says() {
        let script = vec![Err(status(503, None)), Err(status(429, Some(20))), Ok(())];
        let (outcome, begun) = play(&policy(), script).await;
        assert_eq!(outcome.unwrap().1, 3);
        assert_eq!(begun, [0, 1, 21]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_error_is_the_one_returned() {
        let script = vec![Err(status(503, None)), Err(status(404, None))];
        let (outcome, begun) = play(&policy(), script).await;
        assert!(matches!(outcome, Err(Error::Status { status: 404, .. })));
        assert_eq!(begun, [0, 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_are_told_what_is_left_of_the_deadline() {
        let policy = RetryPolicy {
            deadline: Duration::from_secs(40),
            ..RetryPolicy::default()
        };
        let told = RefCell::new(Vec::new());
        let outcome: Result<((), u32), Error> = run(&policy, |left| {
            told.borrow_mut().push(left.as_secs());
            async move {
                sleep(left).await;
                Err(Error::TimedOut {
                    host: "h.example".to_owned(),
                    after: left,
                })
            }
        })
        .await;
        assert!(matches!(outcome, Err(Error::TimedOut { .. })));
        // 30 s for the first attempt, 1 s between, and the 9 s that remain for the second.
        assert_eq!(told.take(), [30, 9]);
    }
}
