//! Files that messages link to.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prepare::{DownloadError, Shelf};
use tokio_util::io::ReaderStream;
use webserver::Refusal;

/// The one route: a link opens it, nobody signs in.
pub fn router(shelf: Arc<Shelf>) -> Router {
    Router::new()
        .route("/download/{*path}", get(download))
        .with_state(shelf)
}

async fn download(
    State(shelf): State<Arc<Shelf>>,
    Path(path): Path<String>,
) -> Result<Response, Refusal> {
    let found = tokio::task::spawn_blocking(move || shelf.download(&path)).await;
    let file = match found {
        Ok(Ok(file)) => file,
        Ok(Err(DownloadError::Unknown)) => return Err(Refusal::not_found("there is no such file")),
        Ok(Err(DownloadError::Expired)) => {
            return Err(Refusal::new(StatusCode::GONE, "the link has expired"));
        }
        Ok(Err(error @ DownloadError::Folder(_))) => {
            tracing::error!(%error, "a linked file cannot be read");
            return Err(Refusal::not_now(
                "the file cannot be read at the moment",
                60,
            ));
        }
        Err(_) => {
            return Err(Refusal::not_now(
                "the file cannot be read at the moment",
                60,
            ));
        }
    };
    let body = Body::from_stream(ReaderStream::new(tokio::fs::File::from_std(file.file)));
    let headers = [
        (CONTENT_TYPE, "application/octet-stream".to_owned()),
        (CONTENT_LENGTH, file.size_bytes.to_string()),
        (CONTENT_DISPOSITION, "attachment".to_owned()),
    ];
    Ok((headers, body).into_response())
}
