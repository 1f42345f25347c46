//! How a stop is asked for: once to end in good order, twice to end at once.

use std::io;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::terminal;

/// What a shell reports of a program that Ctrl-C ended: 128 and the number of SIGINT.
const ENDED_AT_ONCE: i32 = 130;
/// Signals so close together are one wish: `timeout` and some wrappers signal both us and our group.
const SAME_WISH: Duration = Duration::from_millis(300);

/// A token that the first SIGINT or SIGTERM cancels, saying `remark`; the second ends the process at once.
pub fn stop_token(remark: &'static str) -> io::Result<CancellationToken> {
    token(remark, terminal::remark)
}

/// The same for a service, which says it in its log: whoever collects that gets no other lines.
pub fn logged_stop_token(remark: &'static str) -> io::Result<CancellationToken> {
    token(remark, |text| tracing::info!("{text}"))
}

fn token(remark: &'static str, say: fn(&str)) -> io::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let asked = stop.clone();
    let mut wishes = Wishes::listen()?;
    tokio::spawn(async move {
        wishes.next().await;
        say(remark);
        asked.cancel();
        let first = Instant::now();
        while first.elapsed() < SAME_WISH {
            wishes.next().await;
        }
        say("stopped at once");
        std::process::exit(ENDED_AT_ONCE);
    });
    Ok(stop)
}

/// SIGINT and SIGTERM.
#[cfg(unix)]
struct Wishes {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Wishes {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Ctrl-C.
#[cfg(windows)]
struct Wishes(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Wishes {
    fn listen() -> io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    async fn next(&mut self) {
        self.0.recv().await;
    }
}

/// Does something each time it is wished for by SIGUSR1.
#[cfg(unix)]
pub fn on_report_wish(report: impl Fn() + Send + 'static) -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut wish = signal(SignalKind::user_defined1())?;
    tokio::spawn(async move {
        while wish.recv().await.is_some() {
            report();
        }
    });
    Ok(())
}

/// There is no such signal here.
#[cfg(not(unix))]
pub fn on_report_wish(_report: impl Fn() + Send + 'static) -> io::Result<()> {
    Ok(())
}
