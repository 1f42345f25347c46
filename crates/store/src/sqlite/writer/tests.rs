//! The failure paths of the writer that no caller of the store can bring about.

use std::sync::Arc;
use std::time::Duration;

use model::{Control, ControlAction, LaneId, Seq, Timestamp};

use super::*;

async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), work)
        .await
        .expect("the writer hangs")
}

fn writer(folder: &tempfile::TempDir) -> Writer {
    let connection = Connection::open(folder.path().join("data.db")).unwrap();
    connection.busy_timeout(Duration::from_millis(50)).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE messages (seq INTEGER PRIMARY KEY); CREATE TABLE events (seq INTEGER PRIMARY KEY); \
             CREATE TABLE controls (seq INTEGER PRIMARY KEY); CREATE TABLE meta (key TEXT PRIMARY KEY, value); \
             CREATE TABLE notes (text TEXT PRIMARY KEY)",
        )
        .unwrap();
    Writer::start(connection).unwrap()
}

async fn note(writer: &Writer, text: &'static str) -> Result<()> {
    writer.write(move |tx| insert(tx, text)).await
}

fn insert(tx: &WriteTx<'_>, text: &str) -> Result<()> {
    tx.connection
        .execute("INSERT INTO notes VALUES (?1)", [text])?;
    Ok(())
}

async fn notes(writer: &Writer) -> Vec<String> {
    let read = |tx: &mut WriteTx<'_>| {
        let mut statement = tx
            .connection
            .prepare("SELECT text FROM notes ORDER BY text")?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<Vec<String>>>()?)
    };
    writer.write(read).await.unwrap()
}

/// Hands over three operations of which the second is `second`, so that they share a group.
async fn around(writer: &Writer, second: fn(&mut WriteTx<'_>) -> Result<()>) -> [Result<()>; 3] {
    let (open, gate) = std::sync::mpsc::sync_channel::<()>(1);
    let hold = writer.write(move |_| {
        let _ = gate.recv();
        Ok(())
    });
    let all = async {
        tokio::join!(
            note(writer, "first"),
            writer.write(second),
            note(writer, "third"),
            async {
                open.send(()).unwrap();
                Ok::<(), StoreError>(())
            }
        )
    };
    let (_, (first, second, third, _)) = in_time(async { tokio::join!(hold, all) }).await;
    [first, second, third]
}

#[tokio::test]
async fn a_panicking_operation_takes_back_only_itself() {
    let folder = tempfile::tempdir().unwrap();
    let writer = writer(&folder);
    let [first, second, third] = around(&writer, |tx| {
        insert(tx, "second")?;
        panic!("on purpose")
    })
    .await;
    assert!(first.is_ok() && third.is_ok());
    assert!(matches!(second, Err(StoreError::Backend(_))), "{second:?}");
    assert_eq!(notes(&writer).await, ["first", "third"]);
}

#[tokio::test]
async fn nothing_is_written_outside_of_a_transaction_that_was_rolled_back() {
    let folder = tempfile::tempdir().unwrap();
    let writer = writer(&folder);
    // What SQLite does by itself when the disk is full.
    let outcomes = around(&writer, |tx| {
        tx.connection.execute_batch("ROLLBACK")?;
        Err(StoreError::Unavailable("no space".to_owned()))
    })
    .await;
    for outcome in outcomes {
        assert!(
            matches!(outcome, Err(StoreError::Unavailable(_))),
            "{outcome:?}"
        );
    }
    assert!(notes(&writer).await.is_empty());
    note(&writer, "later").await.unwrap();
    assert_eq!(notes(&writer).await, ["later"]);
}

#[tokio::test]
async fn a_failed_operation_takes_back_its_controls_and_their_places() {
    let folder = tempfile::tempdir().unwrap();
    let writer = writer(&folder);
    let mut tail = writer.tail();
    let (open, gate) = std::sync::mpsc::sync_channel::<()>(1);
    let hold = writer.write(move |_| {
        let _ = gate.recv();
        Ok(())
    });
    let all = async {
        tokio::join!(
            writer.write(|tx| control(tx, "refused").and(Err::<(), _>(StoreError::Closed))),
            writer.write(|tx| control(tx, "kept")),
            async { open.send(()).unwrap() }
        )
    };
    let (_, (refused, kept, ())) = in_time(async { tokio::join!(hold, all) }).await;
    assert!(refused.is_err() && kept.is_ok());
    let shown = in_time(tail.next()).await.unwrap();
    let by: Vec<&str> = shown.controls.iter().map(|control| &*control.by).collect();
    assert_eq!(by, ["kept"]);
    assert_eq!(shown.controls[0].seq, shown.last);
    assert_eq!((shown.previous, shown.last), (Seq::START, Seq::new(1)));
}

fn control(tx: &mut WriteTx<'_>, by: &str) -> Result<()> {
    let control = Control {
        seq: tx.next_seq(),
        lane: LaneId(1),
        at: Timestamp::from_millis(0),
        action: ControlAction::Pause,
        by: by.into(),
    };
    tx.connection
        .execute("INSERT INTO controls VALUES (?1)", [control.seq.get()])?;
    tx.append_control(&control);
    Ok(())
}

#[tokio::test]
async fn a_transaction_that_cannot_begin_is_told_to_every_caller() {
    let folder = tempfile::tempdir().unwrap();
    let writer = writer(&folder);
    let other = Connection::open(folder.path().join("data.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (first, second) =
        in_time(async { tokio::join!(note(&writer, "first"), note(&writer, "second")) }).await;
    for outcome in [first, second] {
        assert!(
            matches!(outcome, Err(StoreError::Unavailable(_))),
            "{outcome:?}"
        );
    }
    other.execute_batch("ROLLBACK").unwrap();
    note(&writer, "later").await.unwrap();
}

#[tokio::test]
async fn a_follower_that_comes_during_a_commit_learns_where_the_log_ends() {
    let (commits, _) = broadcast::channel(TAIL_BATCHES_MAX);
    let mut tail = Tail::new(commits.subscribe());
    let mut publisher = Publisher {
        commits,
        log: Seq::new(3),
        own: Seq::START,
    };
    let batch = |previous, last| LogBatch {
        previous: Seq::new(previous),
        last: Seq::new(last),
        events: Vec::new(),
        controls: Vec::new(),
        origin: Origin::Here { after: Seq::START },
    };
    publisher.publish(batch(3, 5), false);
    let shown: Arc<LogBatch> = in_time(tail.next()).await.unwrap();
    assert_eq!(shown.previous, Seq::new(5), "a gap to see");
    publisher.publish(batch(5, 6), true);
    assert_eq!(in_time(tail.next()).await.unwrap().previous, Seq::new(5));
}

#[tokio::test]
async fn a_follower_learns_that_others_wrote_between_two_commits_of_this_process() {
    let folder = tempfile::tempdir().unwrap();
    let writer = writer(&folder);
    let mut tail = writer.tail();
    writer.write(|tx| control(tx, "own")).await.unwrap();
    let other = Connection::open(folder.path().join("data.db")).unwrap();
    other
        .execute("INSERT INTO controls VALUES (2)", [])
        .unwrap();
    writer.write(|tx| control(tx, "own")).await.unwrap();
    let mut shown = Vec::new();
    for _ in 0..3 {
        let batch = in_time(tail.next()).await.unwrap();
        shown.push((batch.last.get(), batch.origin.clone()));
    }
    let here = |after| Origin::Here {
        after: Seq::new(after),
    };
    assert_eq!(shown, [(1, here(0)), (2, Origin::Untold), (3, here(1))]);
}

#[tokio::test]
async fn dropping_the_writer_waits_for_what_was_handed_over() {
    let folder = tempfile::tempdir().unwrap();
    let first = writer(&folder);
    {
        let mut abandoned = Box::pin(note(&first, "kept"));
        let waker = std::task::Waker::noop();
        let _ = abandoned
            .as_mut()
            .poll(&mut std::task::Context::from_waker(waker));
    }
    drop(first);
    let connection = Connection::open(folder.path().join("data.db")).unwrap();
    let kept: i64 = connection
        .query_row("SELECT count(*) FROM notes", [], |row| row.get(0))
        .unwrap();
    assert_eq!(kept, 1);
}
