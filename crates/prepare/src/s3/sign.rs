//! Signatures of Amazon's fourth version (AWS Signature Version 4, "Authenticating Requests" in the
//! S3 API reference), in a header or in a link.

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use model::{Secret, Timestamp};

use crate::digest::{hex, sha256};
use crate::percent::encode;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// What stands for the content where it is not signed.
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// Whoever signs, and when.
pub(super) struct Signer<'a> {
    pub key_name: &'a str,
    pub key: &'a Secret,
    pub region: &'a str,
    pub host: String,
    pub now: Timestamp,
}

impl Signer<'_> {
    /// The header `Authorization` of a request whose headers are those of an [`super::ObjectRequest`].
    /// `path` and `query` are encoded; `content` is the SHA-256 of the body in hexadecimal.
    pub fn header(&self, method: &str, path: &str, query: &str, content: &str) -> String {
        const SIGNED: &str = "host;x-amz-content-sha256;x-amz-date";
        let host = &self.host;
        let date_time = self.date_time();
        let headers =
            format!("host:{host}\nx-amz-content-sha256:{content}\nx-amz-date:{date_time}\n");
        let request = format!("{method}\n{path}\n{query}\n{headers}\n{SIGNED}\n{content}");
        let signature = self.signature(&request);
        let credential = format!("{}/{}", self.key_name, self.scope());
        format!("{ALGORITHM} Credential={credential},SignedHeaders={SIGNED},Signature={signature}")
    }

    /// The query of a link that reads what is at `path` for `seconds`.
    pub fn query(&self, path: &str, seconds: u64) -> String {
        let credential = encode(&format!("{}/{}", self.key_name, self.scope()));
        let date_time = self.date_time();
        let query = format!(
            "X-Amz-Algorithm={ALGORITHM}&X-Amz-Credential={credential}&X-Amz-Date={date_time}\
             &X-Amz-Expires={seconds}&X-Amz-SignedHeaders=host"
        );
        let request = format!(
            "GET\n{path}\n{query}\nhost:{}\n\nhost\n{UNSIGNED}",
            self.host
        );
        format!("{query}&X-Amz-Signature={}", self.signature(&request))
    }

    /// The moment, as the header `x-amz-date` has it.
    pub fn date_time(&self) -> String {
        self.written("%Y%m%dT%H%M%SZ")
    }

    fn scope(&self) -> String {
        format!("{}/{}/s3/aws4_request", self.written("%Y%m%d"), self.region)
    }

    fn written(&self, format: &str) -> String {
        jiff::Timestamp::from_second(self.now.as_secs())
            .unwrap_or_default()
            .strftime(format)
            .to_string()
    }

    fn signature(&self, request: &str) -> String {
        let hash = hex(&sha256(request.as_bytes()));
        let text = format!(
            "{ALGORITHM}\n{}\n{}\n{hash}",
            self.date_time(),
            self.scope()
        );
        let start = format!("AWS4{}", self.key.expose()).into_bytes();
        let day = self.written("%Y%m%d");
        let key = [day.as_str(), self.region, "s3", "aws4_request", &text]
            .into_iter()
            .fold(start, |key, part| {
                let key = Key::new(HMAC_SHA256, &key);
                sign(&key, part.as_bytes()).as_ref().to_vec()
            });
        hex(&key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(secret: &Secret) -> Signer<'_> {
        Signer {
            key_name: "AKIAIOSFODNN7EXAMPLE",
            key: secret,
            region: "us-east-1",
            host: "examplebucket.s3.amazonaws.com".to_owned(),
            // 2013-05-24T00:00:00Z
            now: Timestamp::from_millis(1_369_353_600_000),
        }
    }

    /// The examples of the S3 API reference.
    #[test]
    fn amazons_own_examples_have_amazons_own_signatures() {
        let secret = Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
        let signer = example(&secret);
        let header = signer.header("GET", "/", "lifecycle=", &hex(&sha256(b"")));
        assert_eq!(
            header.rsplit('=').next().unwrap(),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
        );
        let query = signer.query("/test.txt", 86_400);
        assert!(query.contains("X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&"));
        assert_eq!(
            query.rsplit('=').next().unwrap(),
            "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
        );
    }
}
