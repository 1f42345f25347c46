//! Files of this machine: closed until opened, and then only below what was opened.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use model::StorageProtocol;
use prepare::{FetchError, Fetched, Fetcher, OpenTo, Roots, TenantSource};
use serde_json::json;

use crate::support::{Wishes, fetch, mount, tenant};

fn fetcher(opened: &[(&Path, OpenTo)]) -> Fetcher {
    let mut roots = Roots::default();
    for (path, open_to) in opened {
        roots.open(path, open_to.clone()).unwrap();
    }
    let wishes = Wishes {
        roots,
        ..Wishes::default()
    };
    wishes.fetcher()
}

async fn at(fetcher: &Fetcher, id: &str, path: &Path) -> Result<Fetched, FetchError> {
    fetch(fetcher, &tenant(id), path.to_str().unwrap()).await
}

fn with_storage(name: &str, path: &Path) -> TenantSource {
    let mut tenant = tenant("t");
    mount(
        &mut tenant,
        name,
        StorageProtocol::Local,
        &json!({"base_path": path}),
    );
    tenant
}

#[tokio::test]
async fn the_file_system_is_closed_until_an_operator_opens_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.pdf");
    fs::write(&file, "content").unwrap();
    for path in [
        file.as_path(),
        Path::new("/etc/passwd"),
        Path::new("/etc/hostname"),
    ] {
        let error = at(&fetcher(&[]), "t", path).await.unwrap_err();
        assert!(
            error
                .to_string()
                .contains("no folder that the operator opened"),
            "{error}"
        );
        assert!(!error.is_temporary());
    }
    let open = fetcher(&[(folder.path(), OpenTo::Everyone)]);
    assert_eq!(at(&open, "t", &file).await.unwrap().bytes, "content");
    let error = at(&open, "t", Path::new("/etc/passwd")).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("no folder that the operator opened"),
        "{error}"
    );
}

#[tokio::test]
async fn no_trick_leads_out_of_an_opened_folder() {
    let outer = tempfile::tempdir().unwrap();
    let root = outer.path().join("open");
    fs::create_dir_all(root.join("inner")).unwrap();
    fs::write(outer.path().join("secret"), "s").unwrap();
    symlink(outer.path().join("secret"), root.join("link")).unwrap();
    symlink(outer.path(), root.join("up")).unwrap();
    symlink("../../secret", root.join("inner/relative")).unwrap();
    symlink("/proc/self/root", root.join("proc")).unwrap();
    let open = fetcher(&[(&root, OpenTo::Everyone)]);
    let tenant = with_storage("HOME", &root);
    let tricks = [
        "../secret",
        "inner/../../secret",
        "link",
        "up/secret",
        "inner/relative",
        "proc/etc/passwd",
        "./../secret",
        "//..//secret",
        "inner/..",
        "",
        ".",
        "inner",
        "..\0",
        "%2e%2e/secret",
        "..\\secret",
        "....//secret",
        "../open2",
    ];
    for trick in tricks {
        let absolute = format!("{}/{trick}", root.display());
        for path in [absolute, format!("HOME:{trick}"), format!("HOME:/{trick}")] {
            let error = fetch(&open, &tenant, &path).await.unwrap_err();
            assert!(!error.is_temporary(), "{path}: {error}");
        }
    }
}

#[tokio::test]
async fn a_storage_is_a_name_for_a_place_in_an_opened_folder() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("acme/2026")).unwrap();
    fs::write(folder.path().join("acme/2026/x.pdf"), "content").unwrap();
    let open = fetcher(&[(folder.path(), OpenTo::Everyone)]);
    let tenant = with_storage("HOME", &folder.path().join("acme"));
    let fetched = fetch(&open, &tenant, "HOME:2026/x.pdf").await.unwrap();
    assert_eq!(fetched.bytes, "content");
    // A tenant can call any place a storage; that opens nothing.
    let greedy = with_storage("ETC", Path::new("/etc"));
    let error = fetch(&open, &greedy, "ETC:passwd").await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("no folder that the operator opened"),
        "{error}"
    );
}

#[tokio::test]
async fn a_folder_opened_to_one_tenant_is_closed_to_others() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.pdf");
    fs::write(&file, "content").unwrap();
    let open = fetcher(&[(folder.path(), OpenTo::Tenant("acme".to_owned()))]);
    assert!(at(&open, "acme", &file).await.is_ok());
    let error = at(&open, "other", &file).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("no folder that the operator opened"),
        "{error}"
    );
}

#[tokio::test]
async fn only_regular_files_of_a_bearable_size_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    fs::write(folder.path().join("bomb"), vec![0; 100_001]).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
    let open = fetcher(&[
        (folder.path(), OpenTo::Everyone),
        (Path::new("/dev"), OpenTo::Everyone),
    ]);
    let device = Path::new("/dev/zero").to_owned();
    let inside = ["pipe", "socket", "bomb", "missing"].map(|name| folder.path().join(name));
    for path in inside.into_iter().chain([device]) {
        let error = at(&open, "t", &path).await.unwrap_err();
        assert!(!error.is_temporary(), "{}: {error}", path.display());
    }
}
