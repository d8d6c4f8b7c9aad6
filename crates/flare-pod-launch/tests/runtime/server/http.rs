//! Requests and answers of HTTP/1.1, and the parameters in a query.

use jiff::fmt::rfc2822::DateTimePrinter;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::tcp::{OwnedReadHalf, OwnedWriteHalf},
};

/// The version from which a watch resumes.
pub(super) fn version(query: &str) -> u64 {
    number(query, "resourceVersion=").unwrap_or_default()
}

fn number(query: &str, key: &str) -> Option<u64> {
    query.split('&').find_map(|part| part.strip_prefix(key)).and_then(|text| text.parse().ok())
}

/// The part of a log that a kubelet sends: of the last lines, the first bytes.
pub(super) fn selected<'log>(log: &'log str, query: &str) -> &'log str {
    let lines = number(query, "tailLines=").map_or(usize::MAX, |lines| usize::try_from(lines).unwrap());
    let begin = log.trim_end_matches('\n').rmatch_indices('\n').nth(lines - 1).map_or(0, |(at, _)| at + 1);
    let bytes = number(query, "limitBytes=").map_or(usize::MAX, |bytes| usize::try_from(bytes).unwrap());
    &log[begin..log.len().min(begin.saturating_add(bytes))]
}

pub(super) async fn respond(write: &mut OwnedWriteHalf, code: u16, answer: &Value) {
    respond_with(write, code, "application/json", &answer.to_string()).await;
}

pub(super) async fn respond_with(write: &mut OwnedWriteHalf, code: u16, kind: &str, body: &str) {
    let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&jiff::Timestamp::now()).unwrap();
    let head =
        format!("HTTP/1.1 {code} Status\r\nDate: {date}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n", body.len());
    let _ = write.write_all(format!("{head}{body}").as_bytes()).await;
}

/// Reads the next request: method, path with query, and body.
pub(super) async fn request(reader: &mut BufReader<OwnedReadHalf>) -> Option<(String, String, String)> {
    let mut line = String::new();
    reader.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).await.ok()?;
        let header = header.trim_end().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        length = header.strip_prefix("content-length:").map_or(length, |value| value.trim().parse().unwrap());
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).await.ok()?;
    Some((method, path, String::from_utf8(body).ok()?))
}

/// The name of a sent object.
pub(super) fn name(body: &str) -> String {
    let object: Value = serde_json::from_str(body).unwrap_or_default();
    object["metadata"]["name"].as_str().unwrap_or_default().to_owned()
}

pub(super) fn status(code: u16) -> Value {
    let reason = match code {
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        409 => "AlreadyExists",
        429 => "TooManyRequests",
        _ => "InternalError",
    };
    let details = if code == 429 { json!({"retryAfterSeconds": 1}) } else { json!({}) };
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": code, "reason": reason,
        "message": format!("refused with {code}"), "details": details})
}
