//! The exchange itself: a GET that follows redirects, a POST that is retried, a request with a body
//! whose answer is wanted.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{
    CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, TRANSFER_ENCODING,
};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use url::Url;

use crate::error::{Error, refusal_in, root_cause};
use crate::guard::{Guard, host_of, parse};
use crate::redirect::{Redirects, location};
use crate::retry::{self, RetryPolicy, retry_after};
use crate::settings::Settings;

/// Headers that frame or route a request. They are ours to write: a caller's would let one request
/// pass for two, or for another host than the one that was checked.
const OURS: [HeaderName; 4] = [HOST, CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING];

/// What a GET sends and the most it accepts.
#[derive(Debug, Clone)]
pub struct Fetch {
    /// Sent to the origin of the first URL only, never to another scheme, host or port.
    pub headers: HeaderMap,
    /// The redirects to follow.
    pub redirects: Redirects,
    /// The limit of the whole exchange, redirects and body included.
    pub deadline: Duration,
    /// The most bytes of the body.
    pub body_bytes_max: u64,
}

impl Default for Fetch {
    /// No headers, three redirects, 30 s, 10 MiB.
    fn default() -> Fetch {
        Fetch {
            headers: HeaderMap::new(),
            redirects: Redirects::up_to(3),
            deadline: Duration::from_secs(30),
            body_bytes_max: 10 * 1024 * 1024,
        }
    }
}

/// A request with a body, and the most that is accepted as its answer.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// POST, PUT, ….
    pub method: Method,
    /// Sent to the host of the URL only.
    pub headers: HeaderMap,
    /// What is sent.
    pub body: Bytes,
    /// The limit of the whole exchange.
    pub deadline: Duration,
    /// The most bytes of the answer's body.
    pub body_bytes_max: u64,
}

/// All of an answer but its body.
#[derive(Debug, Clone)]
pub struct Head {
    /// The HTTP status code: 200 to 299, but for [`WebClient::exchange_any`].
    pub status: u16,
    /// The URL that answered, after redirects.
    pub url: Url,
    /// The headers of the answer.
    pub headers: HeaderMap,
    /// The size of the body, in bytes.
    pub body_bytes: u64,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Response {
    /// Status, headers and where it came from.
    pub head: Head,
    /// The body, complete.
    pub body: Bytes,
}

/// What remains of a successful POST. The status is the answer; a body is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// The HTTP status code, 200 to 299.
    pub status: u16,
    /// How many attempts it took.
    pub attempts: u32,
}

/// The client. Cloning shares its connections.
#[derive(Debug, Clone)]
pub struct WebClient {
    http: reqwest::Client,
    guard: Arc<Guard>,
    connect_timeout: Duration,
}

impl WebClient {
    /// Builds a client. Fails with [`Error::Setup`] when TLS cannot start: the system has no root
    /// certificates, or an extra one cannot be read.
    pub fn new(settings: Settings) -> Result<WebClient, Error> {
        let connect_timeout = settings.connect_timeout;
        let (http, guard) = settings.into_parts()?;
        Ok(WebClient {
            http,
            guard,
            connect_timeout,
        })
    }

    /// Fetches `url` into memory.
    pub async fn get(&self, url: &str, fetch: &Fetch) -> Result<Response, Error> {
        let mut body = Vec::new();
        let head = self.get_to(url, fetch, &mut body).await?;
        Ok(Response {
            head,
            body: body.into(),
        })
    }

    /// Fetches `url` into `sink`, piece by piece. After an error `sink` may hold a part of the body,
    /// which is to be thrown away.
    pub async fn get_to<W>(&self, url: &str, fetch: &Fetch, sink: &mut W) -> Result<Head, Error>
    where
        W: AsyncWrite + Unpin + ?Sized,
    {
        let url = self.admit(url)?;
        within(&host_of(&url), fetch.deadline, async {
            let answer = accepted(self.follow(url.clone(), fetch).await?)?;
            let status = answer.status().as_u16();
            let (url, headers) = (answer.url().clone(), answer.headers().clone());
            let body_bytes = self.receive(answer, fetch.body_bytes_max, sink).await?;
            Ok(Head {
                status,
                url,
                headers,
                body_bytes,
            })
        })
        .await
    }

    /// Sends `body` to `url`, again and again as `policy` says. Redirects are not followed: they
    /// would carry a body that was signed for one host to another.
    pub async fn post(
        &self,
        url: &str,
        headers: &HeaderMap,
        body: Bytes,
        policy: &RetryPolicy,
    ) -> Result<Receipt, Error> {
        let url = self.admit(url)?;
        let host = host_of(&url);
        let headers = without_ours(headers);
        let attempt = |limit| {
            let request = self.http.post(url.clone());
            let request = request.headers(headers.clone()).body(body.clone());
            within(&host, limit, async {
                accepted(self.send(&host, request).await?)
            })
        };
        let (answer, attempts) = retry::run(policy, attempt).await?;
        let status = answer.status().as_u16();
        Ok(Receipt { status, attempts })
    }

    /// Sends a request with a body once, and returns the whole answer. Redirects are not followed:
    /// they would carry the body and its headers to another host.
    pub async fn exchange(&self, url: &str, exchange: Exchange) -> Result<Response, Error> {
        self.exchange_if(url, exchange, accepted).await
    }

    /// The same, but an answer of any status is one: for a service that says in the body what was wrong.
    pub async fn exchange_any(&self, url: &str, exchange: Exchange) -> Result<Response, Error> {
        self.exchange_if(url, exchange, readable).await
    }

    async fn exchange_if(
        &self,
        url: &str,
        exchange: Exchange,
        check: fn(reqwest::Response) -> Result<reqwest::Response, Error>,
    ) -> Result<Response, Error> {
        let url = self.admit(url)?;
        let request = self.http.request(exchange.method, url.clone());
        let request = request
            .headers(without_ours(&exchange.headers))
            .body(exchange.body);
        within(&host_of(&url), exchange.deadline, async {
            let answer = check(self.send(&host_of(&url), request).await?)?;
            let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
            let mut body = Vec::new();
            let bytes_max = exchange.body_bytes_max;
            let body_bytes = self.receive(answer, bytes_max, &mut body).await?;
            let head = Head {
                status,
                url: url.clone(),
                headers,
                body_bytes,
            };
            Ok(Response {
                head,
                body: body.into(),
            })
        })
        .await
    }

    fn admit(&self, url: &str) -> Result<Url, Error> {
        let url = parse(url)?;
        self.guard.check_url(&url)?;
        Ok(url)
    }

    /// Asks for `url` and follows redirects up to an answer that is none.
    async fn follow(&self, mut url: Url, fetch: &Fetch) -> Result<reqwest::Response, Error> {
        let mut headers = without_ours(&fetch.headers);
        let mut hops = 0;
        loop {
            let request = self.http.get(url.clone()).headers(headers.clone());
            let answer = self.send(&host_of(&url), request).await?;
            let Some(location) = location(&answer) else {
                return Ok(answer);
            };
            let next = fetch.redirects.next(hops, &url, location)?;
            self.guard.check_url(&next)?;
            if next.origin() != url.origin() {
                // Once away from home they stay away, also when a later hop leads back.
                headers.clear();
            }
            url = next;
            hops += 1;
        }
    }

    async fn send(
        &self,
        host: &str,
        request: reqwest::RequestBuilder,
    ) -> Result<reqwest::Response, Error> {
        request
            .send()
            .await
            .map_err(|error| self.failure(host, error))
    }

    /// Moves the body to `sink`, counting.
    async fn receive<W>(
        &self,
        mut answer: reqwest::Response,
        bytes_max: u64,
        sink: &mut W,
    ) -> Result<u64, Error>
    where
        W: AsyncWrite + Unpin + ?Sized,
    {
        let host = host_of(answer.url());
        let too_large = || Error::TooLarge {
            host: host.clone(),
            bytes_max,
        };
        let unwritten = |source| Error::Sink {
            host: host.clone(),
            source,
        };
        if answer
            .content_length()
            .is_some_and(|announced| announced > bytes_max)
        {
            return Err(too_large());
        }
        let mut received = 0;
        while let Some(piece) = answer
            .chunk()
            .await
            .map_err(|error| self.failure(&host, error))?
        {
            received += piece.len() as u64;
            if received > bytes_max {
                return Err(too_large());
            }
            sink.write_all(&piece).await.map_err(unwritten)?;
        }
        sink.flush().await.map_err(unwritten)?;
        Ok(received)
    }

    /// Sorts reqwest's error into ours. The only limit that reqwest keeps itself is the connection's.
    fn failure(&self, host: &str, error: reqwest::Error) -> Error {
        let host = host.to_owned();
        if let Some(refusal) = refusal_in(&error) {
            return Error::Refused(refusal);
        }
        if error.is_timeout() {
            return Error::TimedOut {
                host,
                after: self.connect_timeout,
            };
        }
        Error::Unreachable {
            host,
            detail: root_cause(&error),
        }
    }
}

/// Lets through an answer with a status of success and a body that can be read as it is.
fn accepted(answer: reqwest::Response) -> Result<reqwest::Response, Error> {
    if !answer.status().is_success() {
        let retry_after = retry_after(answer.headers());
        return Err(Error::Status {
            host: host_of(answer.url()),
            status: answer.status().as_u16(),
            retry_after,
        });
    }
    readable(answer)
}

/// Lets through an answer with a body that can be read as it is.
fn readable(answer: reqwest::Response) -> Result<reqwest::Response, Error> {
    match answer.headers().get(CONTENT_ENCODING) {
        Some(encoding) if encoding != "identity" => {
            let host = host_of(answer.url());
            let encoding = String::from_utf8_lossy(encoding.as_bytes()).into_owned();
            Err(Error::Encoded { host, encoding })
        }
        Some(_) | None => Ok(answer),
    }
}

/// Ends `exchange` when it takes longer than `limit`.
async fn within<T>(
    host: &str,
    limit: Duration,
    exchange: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    match tokio::time::timeout(limit, exchange).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Error::TimedOut {
            host: host.to_owned(),
            after: limit,
        }),
    }
}

fn without_ours(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    OURS.iter().for_each(|name| drop(headers.remove(name)));
    headers
}
