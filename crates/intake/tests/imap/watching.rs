//! The service coming back to a mailbox again and again.

use std::time::Duration;

use intake::bounce::mailbox::{Batch, Cursor, Keeper, Mailbox, Rhythm, Settings, watch};
use model::Secret;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::dovecot::Dovecot;
use super::mailbox::{bounce, ids};

/// What the service was told.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Kept(Vec<String>),
    Failed(u32, Duration),
}

/// Tells the test everything, and cannot keep the first few batches.
struct Teller {
    told: mpsc::Sender<Told>,
    refusals: u32,
}

impl Keeper for Teller {
    type Error = &'static str;

    async fn keep(&mut self, batch: Batch) -> Result<(), Self::Error> {
        if self.refusals > 0 {
            self.refusals -= 1;
            return Err("the disk is full");
        }
        self.told.send(Told::Kept(ids(&batch))).await.unwrap();
        Ok(())
    }

    fn failed(&mut self, _: &str, failures: u32, pause: Duration) {
        self.told.try_send(Told::Failed(failures, pause)).unwrap();
    }
}

const RHYTHM: Rhythm = Rhythm {
    interval: Duration::from_millis(20),
    pause_max: Duration::from_millis(70),
};

struct Watched {
    told: mpsc::Receiver<Told>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

fn start(settings: Settings, cursor: Option<Cursor>, refusals: u32) -> Watched {
    let (sender, told) = mpsc::channel(1_000);
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let task = tokio::spawn(async move {
        let mut mailbox = Mailbox::new(settings).unwrap();
        let mut teller = Teller {
            told: sender,
            refusals,
        };
        watch(&mut mailbox, cursor, &mut teller, RHYTHM, stopped).await;
    });
    Watched { told, stop, task }
}

impl Watched {
    async fn next(&mut self) -> Told {
        let wait = tokio::time::timeout(Duration::from_secs(60), self.told.recv());
        wait.await.expect("nothing was told").unwrap()
    }

    async fn end(self) {
        self.stop.cancel();
        let ended = tokio::time::timeout(Duration::from_secs(10), self.task);
        ended.await.expect("it does not stop").unwrap();
    }
}

fn kept(number: usize) -> Told {
    Told::Kept(vec![format!("gp-{number}")])
}

#[tokio::test]
async fn what_arrives_is_kept_once_whenever_it_arrives() {
    let mut dovecot = Dovecot::start();
    dovecot.deliver(&bounce(1));
    let mut watched = start(dovecot.settings(), None, 0);
    assert_eq!(watched.next().await, kept(1));
    for number in 2..5 {
        dovecot.deliver(&bounce(number));
        assert_eq!(watched.next().await, kept(number));
    }
    watched.end().await;
}

#[tokio::test]
async fn what_could_not_be_kept_is_read_again_after_growing_pauses() {
    let mut dovecot = Dovecot::start();
    dovecot.deliver(&bounce(1));
    let mut watched = start(dovecot.settings(), None, 4);
    for (failures, pause) in [(1, 20), (2, 40), (3, 70), (4, 70)] {
        let expected = Told::Failed(failures, Duration::from_millis(pause));
        assert_eq!(watched.next().await, expected);
    }
    assert_eq!(watched.next().await, kept(1));
    watched.end().await;
}

#[tokio::test]
async fn a_server_that_comes_back_is_read_on_from_where_it_was_left() {
    let mut dovecot = Dovecot::start();
    dovecot.deliver(&bounce(1));
    let mut watched = start(dovecot.settings(), None, 0);
    assert_eq!(watched.next().await, kept(1));
    dovecot.kill();
    assert!(matches!(watched.next().await, Told::Failed(1, _)));
    dovecot.deliver(&bounce(2));
    dovecot.run();
    loop {
        match watched.next().await {
            Told::Failed(..) => {}
            told => break assert_eq!(told, kept(2)),
        }
    }
    watched.end().await;
}

#[tokio::test]
async fn a_wrong_password_is_tried_seldom() {
    let dovecot = Dovecot::start();
    let settings = Settings {
        password: Secret::new("wrong"),
        ..dovecot.settings()
    };
    let mut watched = start(settings, None, 0);
    assert_eq!(watched.next().await, Told::Failed(1, RHYTHM.pause_max));
    watched.end().await;
}
