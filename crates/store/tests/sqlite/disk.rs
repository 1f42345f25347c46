//! Space: what a message takes, and what happens when there is none.

use std::fs;
use std::path::Path;
use std::process::Command;

use model::{EventKind, MessageState};
use store::sqlite::FILE_NAME;
use store::{Campaign, Lease, SqliteStore, Store, StoreError};

use crate::support::{
    Child, accept, begin, event, message, messages, player, say, stored, whole_log,
};
use crate::{assert_sound, runtime};

const PENDING: usize = 100_000;
/// Bytes on disk that a waiting message may take beyond its own data and address.
const OVERHEAD_MAX: u64 = 400;

#[test]
fn a_waiting_message_takes_little_beyond_its_data() {
    let folder = tempfile::tempdir().unwrap();
    let own_bytes = runtime().block_on(async {
        let store = SqliteStore::open(folder.path()).unwrap();
        let campaign = begin(&store, "spring").await;
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        let mut own_bytes = 0;
        for start in (0..PENDING).step_by(5_000) {
            let batch: Vec<_> = (start..start + 5_000)
                // In no order, as lists are.
                .map(|number| (number * 77_773) % PENDING)
                .map(|number| message(&campaign, &format!("person.{number}@example.org")))
                .collect();
            own_bytes += batch
                .iter()
                .map(|new| new.address.as_str().len() + new.data.len())
                .sum::<usize>();
            store.accept(&lease, batch).await.unwrap();
        }
        assert_eq!(
            store.books(campaign.lane).await.unwrap().queued,
            PENDING as u64
        );
        own_bytes as u64
    });
    let bytes = fs::metadata(folder.path().join(FILE_NAME)).unwrap().len();
    let overhead = (bytes - own_bytes) / PENDING as u64;
    println!("{overhead} bytes a waiting message beyond its data and address");
    assert!(overhead <= OVERHEAD_MAX, "{overhead} bytes");
}

/// Runs the words after the first in a place with little room at the first: a file system of 6 MiB where the
/// system allows to mount one, else with files limited to that size.
const IN_A_SMALL_PLACE: &str = r#"
    if unshare -rm mount -t tmpfs small "$1" 2>/dev/null; then
        exec unshare -rm sh -c 'mount -t tmpfs -o size=6m small "$1" && shift && exec "$@"' sh "$@"
    fi
    trap '' XFSZ
    ulimit -S -f 12288
    shift
    exec "$@"
"#;
/// Takes a third of the small place until room is made.
const BALLAST: &str = "ballast";

#[test]
fn a_full_disk_refuses_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let player = player(&["fill", folder.path().to_str().unwrap()]);
    let mut command = Command::new("sh");
    command
        .args(["-c", IN_A_SMALL_PLACE, "sh"])
        .arg(folder.path())
        .arg(player.get_program())
        .args(player.get_args());
    let mut child = Child::start(command);
    let mut said = Vec::new();
    while let Some(line) = child.hear() {
        println!("{line}");
        said.push(line);
    }
    assert_eq!(
        said.last().map(String::as_str),
        Some("sound"),
        "it came to its end"
    );
}

/// The part of the process in the small place.
pub async fn fill(folder: &Path) {
    fs::write(folder.join(BALLAST), vec![0; 2 << 20]).unwrap();
    let store = SqliteStore::open(folder).unwrap();
    let campaign = begin(&store, "spring").await;
    let lease = store.lease(campaign.lane_key()).await.unwrap();
    let accepted = accept_until_full(&store, &campaign, &lease).await;
    assert!(accepted > 1_000, "there was room for some");

    // Neither list nor outcome can be written, and nothing of them is half there; reading goes on.
    let log = whole_log(&store).await;
    assert_eq!(log.len(), accepted);
    let first = stored(&store, log[0].event.seq).await;
    for round in 0..5 {
        let refused = store
            .accept(
                &lease,
                messages(&campaign, &format!("again{round}-"), 2_000),
            )
            .await;
        assert_unavailable(refused.map(|_| ()));
        let big = store.put_content(vec![b'x'; 8 << 20]).await;
        assert_unavailable(big.map(|_| ()));
    }
    assert_eq!(whole_log(&store).await.len(), accepted);
    let books = store.books(campaign.lane).await.unwrap();
    assert_eq!(
        (books.queued, books.accepted),
        (accepted as u64, accepted as u64)
    );
    assert_eq!(books, store.count_books(campaign.lane).await.unwrap());

    make_room(folder);
    let seqs = accept(&store, &campaign, "later", 500).await;
    assert_eq!(
        seqs[0],
        log[accepted - 1].event.seq.next(),
        "no place in the log was lost"
    );
    let left_out = store
        .record(&lease, vec![event(&first, EventKind::Delivered)])
        .await;
    assert_eq!(left_out.unwrap(), 0);
    assert_eq!(
        stored(&store, first.seq).await.state,
        MessageState::Delivered
    );
    let books = store.books(campaign.lane).await.unwrap();
    assert_eq!(books.accepted, accepted as u64 + 500);
    assert_eq!(books, store.count_books(campaign.lane).await.unwrap());
    drop(store);
    assert_sound(folder);
    say("sound");
}

async fn accept_until_full(store: &SqliteStore, campaign: &Campaign, lease: &Lease) -> usize {
    let mut accepted = 0;
    loop {
        let batch = messages(campaign, &format!("from{accepted}-"), 100);
        match store.accept(lease, batch).await {
            Ok(answers) => accepted += answers.len(),
            Err(error) => {
                say(format!("full after {accepted}: {error}"));
                assert_unavailable(Err(error));
                return accepted;
            }
        }
        assert!(accepted < 1_000_000, "the place is not small");
    }
}

fn assert_unavailable(outcome: store::Result<()>) {
    match outcome {
        Err(error @ StoreError::Unavailable(_)) => assert!(error.is_transient()),
        other => panic!("there is no room: {other:?}"),
    }
}

/// Gives back what the ballast takes, and lifts the limit on files where there is one.
fn make_room(folder: &Path) {
    fs::remove_file(folder.join(BALLAST)).unwrap();
    let lifted = Command::new("prlimit")
        .args([
            "--fsize=unlimited",
            "--pid",
            &std::process::id().to_string(),
        ])
        .status();
    assert!(lifted.unwrap().success());
}
