//! A copy that is killed leaves nothing, and is begun anew.

use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use store::StoreError;
use store::copy::{Copied, CopyError, copy};
use store::postgres::Address;

use super::{installation, number, run};
use crate::cluster::{Cluster, Database};
use crate::runtime;
use crate::support::{Child, fast_folder, player, say};

const MESSAGES: usize = 4_000;
/// How long a server may take to see that the other end is gone.
const SEEN_MAX: Duration = Duration::from_secs(20);

/// Copies, and stops in the middle of a table until it is killed.
pub async fn play(words: &[String]) {
    let address = Address::parse(&words[1]).unwrap();
    let copying = copy(Path::new(&words[0]), &address, |progress| {
        if progress.table == words[2] {
            say(progress.rows);
            let _ = std::io::stdin().read(&mut [0]);
        }
    });
    copying.await.unwrap();
}

/// Copies as soon as the one that was killed is gone.
async fn copy_again(folder: &Path, database: &Database<'_>) -> Copied {
    let asked = Instant::now();
    loop {
        match run(folder, database).await {
            Err(StoreError::Copy(CopyError::InUse(_))) if asked.elapsed() < SEEN_MAX => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            outcome => return outcome.unwrap(),
        }
    }
}

#[test]
fn one_that_is_killed_in_any_table_leaves_nothing_and_is_begun_anew() {
    let database = Cluster::shared().database();
    let folder = fast_folder();
    runtime().block_on(installation::make_large(folder.path(), MESSAGES));
    let place = folder.path().to_str().unwrap();
    for table in ["meta", "messages", "events", "books"] {
        let mut child = Child::start(player(&["copy", place, database.address(), table]));
        assert!(child.hear().is_some(), "it is in the middle of {table}");
        child.kill();
        // It waits for what still holds the tables.
        assert_eq!(number(&database, "SELECT count(*) FROM messages"), 0);
        assert_eq!(number(&database, "SELECT max(last) FROM log"), 0);
        assert_eq!(number(&database, "SELECT count(*) FROM meta"), 1);
    }
    let copied = runtime().block_on(copy_again(folder.path(), &database));
    let delivered = MESSAGES as u64;
    assert_eq!(
        (copied.database.accepted, copied.database.delivered),
        (delivered, delivered)
    );
}
