//! A console over a real store, asked in the process.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use console::{Console, ControlError, Controls};
use futures_util::StreamExt;
use model::{Clock, Control, ControlAction, Live, MessageId, Seq, Stage, Timestamp};
use observe::monitor::Monitor;
use serde_json::Value;
use store::{Campaign, Lease, NewControl, SqliteStore, Store};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use webserver::Peer;

/// When every run begins.
pub const START: Timestamp = Timestamp::from_millis(1_795_355_000_000);
/// Who asks unless a test says otherwise.
pub const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A moment some seconds after the start.
pub fn second(number: u64) -> Timestamp {
    START + Duration::from_secs(number)
}

/// A console and what is behind it.
pub struct World {
    pub store: Arc<dyn Store>,
    pub run: Campaign,
    /// The right to record what becomes of the run's messages.
    pub lease: Lease,
    pub monitor: Monitor,
    pub live: Arc<Live>,
    pub stop: CancellationToken,
    pub controls: Arc<Desk>,
    pub router: Router,
    folder: TempDir,
}

/// An answer, read to its end.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Writes interventions down as the real desk does, and refuses when it is told to.
pub struct Desk {
    store: Arc<dyn Store>,
    run: Campaign,
    pub refusal: Mutex<Option<ControlError>>,
}

#[async_trait]
impl Controls for Desk {
    async fn act(&self, action: ControlAction, by: &str) -> Result<Control, ControlError> {
        if let Some(refusal) = self.refusal.lock().unwrap().clone() {
            return Err(refusal);
        }
        let new = NewControl {
            lane: self.run.lane,
            at: second(50),
            action,
            by: by.into(),
        };
        Ok(self.store.control(new).await.unwrap())
    }

    fn possible(&self, stage: Stage, repeatable: u64) -> Vec<ControlAction> {
        match stage {
            Stage::Sending => vec![ControlAction::Pause, ControlAction::Cancel],
            Stage::Completed if repeatable > 0 => vec![ControlAction::RetryFailed],
            _ => Vec::new(),
        }
    }
}

/// A new folder, in memory where there is such a place, and a store in it.
pub fn store() -> (TempDir, Arc<dyn Store>) {
    let folder = tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap();
    let store = Arc::new(SqliteStore::open(folder.path()).unwrap());
    (folder, store)
}

impl World {
    /// A console that watches a run of this store, a minute after its start.
    pub async fn watching(folder: TempDir, store: Arc<dyn Store>, run: Campaign) -> Self {
        let lease = store.lease(run.lane_key()).await.unwrap();
        let (live, clock) = (Arc::new(Live::default()), Clock::manual(second(60)));
        let monitor = Monitor::start(
            Arc::clone(&store),
            run.clone(),
            Arc::clone(&live),
            clock.clone(),
        )
        .await
        .unwrap();
        let controls = Arc::new(Desk {
            store: Arc::clone(&store),
            run: run.clone(),
            refusal: Mutex::default(),
        });
        let stop = CancellationToken::new();
        let router = console::router(Console {
            store: Arc::clone(&store),
            monitor: monitor.clone(),
            live: Arc::clone(&live),
            controls: Arc::clone(&controls) as Arc<dyn Controls>,
            clock,
            stop: stop.clone(),
        });
        Self {
            store,
            run,
            lease,
            monitor,
            live,
            stop,
            controls,
            router,
            folder,
        }
    }

    /// Asks and gives the answer before its body was read.
    pub async fn begin(&self, request: Request<Body>) -> axum::response::Response {
        let mut request = request;
        if request.extensions().get::<Peer>().is_none() {
            request.extensions_mut().insert(Peer(PEER));
        }
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Asks with a method and a body.
    pub async fn ask(&self, method: Method, path: &str, body: &str) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json")
            .body(Body::from(body.to_owned()))
            .unwrap();
        Answer::of(self.begin(request).await).await
    }

    /// Asks for what there is at a path.
    pub async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, "").await
    }

    /// The JSON at a path, which has to be there.
    pub async fn json(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
        answer.json()
    }

    /// Writes over a message's row what cannot be there.
    pub fn damage(&self, seq: Seq) {
        let file = self.folder.path().join(store::sqlite::FILE_NAME);
        let file = rusqlite::Connection::open(file).unwrap();
        let damaged = "UPDATE messages SET state = 99 WHERE seq = ?1";
        assert_eq!(file.execute(damaged, [seq.get()]).unwrap(), 1);
    }

    /// A path below the run's own.
    pub fn path(&self, rest: &str) -> String {
        format!("/api/campaigns/{}{rest}", self.run.job_id)
    }

    /// A path below a message's own.
    pub async fn message_path(&self, seq: Seq, rest: &str) -> String {
        let message = self.store.message(seq).await.unwrap().unwrap();
        self.path(&format!("/messages/{}{rest}", message.id))
    }
}

impl Answer {
    pub async fn of(response: axum::response::Response) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        let mut chunks = response.into_body().into_data_stream();
        let mut body = Vec::new();
        while let Some(chunk) = chunks.next().await {
            body.extend_from_slice(&chunk.unwrap());
        }
        Self {
            status,
            headers,
            body: body.into(),
        }
    }

    pub fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), "application/json");
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

/// JSON with what differs from run to run replaced: ids by the places of their messages.
pub fn pretty(mut json: Value) -> String {
    redact(&mut json);
    serde_json::to_string_pretty(&json).unwrap()
}

fn redact(json: &mut Value) {
    match json {
        Value::String(text) => {
            if let Ok(id) = text.parse::<MessageId>() {
                *text = format!("[message {}]", id.seq().get());
            }
        }
        Value::Array(values) => values.iter_mut().for_each(redact),
        Value::Object(values) => values.values_mut().for_each(redact),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
