//! Large files: warned about, refused, or linked to.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use model::{Clock, Secret, Timestamp};
use prepare::{
    DownloadError, Fetched, FileLink, LargeFileError, LargeFilePolicy, LargeFiles, LinkKey, Shelf,
    Treatment, append_to_html,
};
use serde_json::{Value, json};

use crate::s3::tenant_with_bucket;
use crate::support::{Reply, Server, Wishes, fetch, tenant, web};

const MEGABYTE: usize = 1 << 20;

struct Setup {
    files: LargeFiles,
    shelf: Arc<Shelf>,
    clock: Clock,
    folder: tempfile::TempDir,
}

fn setup() -> Setup {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
    let key = LinkKey::new(&Secret::new("0123456789abcdef".repeat(4))).unwrap();
    let shelf = Arc::new(Shelf::open(folder.path(), key, clock.clone()).unwrap());
    let files = LargeFiles::new(web(&["127.0.0.1"]), Some(Arc::clone(&shelf)), clock.clone());
    Setup {
        files,
        shelf,
        clock,
        folder,
    }
}

/// A file of so many megabytes and one byte.
async fn file(megabytes: usize) -> Fetched {
    let fetcher = Wishes::default().fetcher();
    let tenant = tenant("t");
    let mut fetched = fetch(&fetcher, &tenant, "base64:eA==").await.unwrap();
    fetched.bytes = vec![b'x'; megabytes * MEGABYTE + 1].into();
    fetched
}

impl Setup {
    async fn apply(&self, config: Value, megabytes: usize) -> Result<Treatment, LargeFileError> {
        let policy = LargeFilePolicy::read(config).unwrap();
        let tenant = tenant("t");
        self.files
            .apply(&tenant, &policy, file(megabytes).await)
            .await
    }

    fn rewrite(&self, place: &Path) -> Value {
        json!({"enabled": true, "max_size_mb": 1, "action": "rewrite", "file_ttl_days": 7,
            "storage_url": format!("file://{}", place.display()),
            "public_base_url": "https://files.example/"})
    }

    async fn link(&self) -> FileLink {
        let place = self.folder.path().join("acme");
        let treated = self.apply(self.rewrite(&place), 2).await.unwrap();
        let Treatment::Link(link) = treated else {
            panic!("not a link");
        };
        link
    }
}

fn path_of(link: &FileLink) -> String {
    let start = "https://files.example/download/";
    link.url.strip_prefix(start).unwrap().to_owned()
}

#[tokio::test]
async fn small_files_and_warnings_go_as_they_are() {
    let setup = setup();
    let cases = [
        (
            json!({"enabled": true, "max_size_mb": 3, "action": "reject"}),
            2,
        ),
        (
            json!({"enabled": false, "max_size_mb": 1, "action": "reject"}),
            2,
        ),
        (json!({"enabled": true, "max_size_mb": 1}), 2),
    ];
    for (config, megabytes) in cases {
        let treated = setup.apply(config.clone(), megabytes).await.unwrap();
        assert!(matches!(treated, Treatment::Attach(_)), "{config}");
    }
}

#[tokio::test]
async fn a_refusal_has_the_contracts_text() {
    let config = json!({"enabled": true, "max_size_mb": 1, "action": "reject"});
    let error = setup().apply(config, 2).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Attachment 'file.pdf' (2.0 MB) exceeds limit (1 MB)"
    );
    assert!(!error.is_temporary());
}

#[tokio::test]
async fn a_link_gives_the_file_until_it_expires_and_no_longer() {
    let setup = setup();
    let link = setup.link().await;
    assert!(
        link.url.starts_with("https://files.example/download/acme/"),
        "{}",
        link.url
    );
    let html = append_to_html("<p>Hi</p>", std::slice::from_ref(&link));
    assert!(
        html.contains(&link.url) && html.contains("file.pdf</a> (2.0 MB, until 2027-01-22)"),
        "{html}"
    );
    let mut download = setup.shelf.download(&path_of(&link)).unwrap();
    assert_eq!(download.file_name, "file.pdf");
    assert_eq!(
        io::copy(&mut download.file, &mut io::sink()).unwrap(),
        link.size_bytes
    );
    setup.clock.set(link.expires);
    let expired = setup.shelf.download(&path_of(&link)).unwrap_err();
    assert!(matches!(expired, DownloadError::Expired));
    assert_eq!(setup.shelf.sweep().unwrap(), 1);
}

#[tokio::test]
async fn a_link_cannot_be_forged_prolonged_or_turned_to_another_file() {
    let setup = setup();
    let (one, two) = (path_of(&setup.link().await), path_of(&setup.link().await));
    let token = |path: &str| path.split('/').nth(1).unwrap().to_owned();
    let (mine, other) = (token(&one), token(&two));
    let expires = mine.split('-').nth(1).unwrap().to_owned();
    let later = (expires.parse::<i64>().unwrap() + 1).to_string();
    let (own_id, other_id) = (&mine[..32], &other[..32]);
    let forgeries = [
        one.replace(&expires, &later),
        one.replace(own_id, other_id),
        one.replace("acme/", ""),
        one.replace("acme/", "other/"),
        one.replace("file.pdf", "file.pdg"),
        one.replace("acme/", "acme/../acme/"),
        format!("{}/../{}", one.trim_end_matches("/file.pdf"), "file.pdf"),
        one[..one.len() - 60].to_owned(),
    ];
    for forged in forgeries {
        let error = setup.shelf.download(&forged).unwrap_err();
        assert!(matches!(error, DownloadError::Unknown), "{forged}: {error}");
    }
    assert!(setup.shelf.download(&one).is_ok());
}

#[tokio::test]
async fn a_tenant_cannot_write_outside_the_operators_folder() {
    let setup = setup();
    let elsewhere = tempfile::tempdir().unwrap();
    let error = setup
        .apply(setup.rewrite(elsewhere.path()), 2)
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("Attachment upload failed for file.pdf: "),
        "{error}"
    );
    assert!(!error.is_temporary());
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    std::os::unix::fs::symlink(elsewhere.path(), setup.folder.path().join("link")).unwrap();
    let through = setup.folder.path().join("link");
    assert!(setup.apply(setup.rewrite(&through), 2).await.is_err());
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_bucket_gets_the_file_and_gives_a_link_of_its_own() {
    let setup = setup();
    let server = Server::start(Reply::status(200)).await;
    let policy = LargeFilePolicy::read(json!({"enabled": true,
        "max_size_mb": 1, "action": "rewrite", "storage_url": "s3://files/large"}))
    .unwrap();
    let owner = tenant_with_bucket(&server);
    let treated = setup
        .files
        .apply(&owner, &policy, file(2).await)
        .await
        .unwrap();
    let Treatment::Link(link) = treated else {
        panic!("not a link");
    };
    let sent = server.raw_request(0);
    let head = String::from_utf8_lossy(&sent[..100]).into_owned();
    assert!(head.starts_with("PUT /files/large/"), "{head}");
    assert!(sent.ends_with(&[b'x'; 100]) && sent.len() > 2 * MEGABYTE);
    assert!(
        link.url.starts_with(&server.url("/files/large/")),
        "{}",
        link.url
    );
    assert!(link.url.contains("&X-Amz-Expires=604800&"), "{}", link.url);
    let week = setup.clock.now() + Duration::from_secs(7 * 24 * 3600);
    assert_eq!(link.expires, week);
    let stranger = tenant("stranger");
    let error = setup
        .files
        .apply(&stranger, &policy, file(2).await)
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("no s3 storage with this bucket"),
        "{error}"
    );
    let full = Server::start(Reply::status(503)).await;
    let error = setup
        .files
        .apply(&tenant_with_bucket(&full), &policy, file(2).await)
        .await;
    assert!(error.unwrap_err().is_temporary());
}
