//! Content that many messages share.

use model::ContentHash;
use store::StoreError;

use crate::on_each_backend;

#[test]
fn content_comes_back_under_its_sha256() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let hash = store.put_content(b"abc".to_vec()).await.unwrap();
        // FIPS 180-4's own example.
        let hex: String = hash.0.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(store.content(hash).await.unwrap(), b"abc");
        for bytes in [Vec::new(), vec![0, 255, 10, 13], vec![b'x'; 3_000_000]] {
            let hash = store.put_content(bytes.clone()).await.unwrap();
            assert_eq!(store.content(hash).await.unwrap(), bytes);
        }
    });
}

#[test]
fn the_same_content_is_kept_once() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let (first, second) = tokio::join!(
            store.put_content(b"same".to_vec()),
            store.put_content(b"same".to_vec()),
        );
        let third = place
            .open()
            .await
            .put_content(b"same".to_vec())
            .await
            .unwrap();
        assert_eq!(first.unwrap(), third);
        assert_eq!(second.unwrap(), third);
        assert_eq!(store.content(third).await.unwrap(), b"same");
    });
}

#[test]
fn content_that_is_not_there_is_missing() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let error = store.content(ContentHash([0xab; 32])).await.unwrap_err();
        assert!(matches!(error, StoreError::Missing(_)), "{error:?}");
        assert!(!error.is_transient());
        assert_eq!(error.to_string(), "content abababab… is not in the store");
    });
}
