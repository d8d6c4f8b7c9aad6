//! Counting requests in the API server's audit log.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use serde_json::Value;

/// One request, as the log has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Request {
    /// Who asked: `system:serviceaccount:NAMESPACE:NAME` for a pod.
    pub user: String,
    /// `get`, `list`, `create`, …
    pub verb: String,
    /// The kind of object, such as `pods` or `pods/log`.
    pub resource: String,
}

/// A log that grows; reading begins where it ended when this value was made.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    read: u64,
}

impl Log {
    /// The log from now on.
    pub fn from_now(path: &Path) -> Self {
        let size = std::fs::metadata(path).unwrap_or_else(|error| panic!("no audit log {}: {error}", path.display())).len();
        Self { path: path.to_path_buf(), read: size }
    }

    /// The requests that ended since the last call, or since the beginning.
    pub fn requests(&mut self) -> Vec<Request> {
        let mut file = File::open(&self.path).unwrap();
        if file.metadata().unwrap().len() < self.read {
            // The API server has begun a new one.
            self.read = 0;
        }
        file.seek(SeekFrom::Start(self.read)).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        self.read += whole as u64;
        bytes[..whole].split(|byte| *byte == b'\n').filter_map(read).collect()
    }
}

/// A line: none where it is no end of a request, or not about objects. A watch has a line for its start as well.
fn read(line: &[u8]) -> Option<Request> {
    let event: Value = serde_json::from_slice(line).ok()?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    if event["stage"] != "ResponseComplete" {
        return None;
    }
    let object = &event["objectRef"];
    let resource = text(&object["resource"])?;
    let resource = text(&object["subresource"]).map_or(resource.clone(), |below| format!("{resource}/{below}"));
    Some(Request { user: text(&event["user"]["username"])?, verb: text(&event["verb"])?, resource })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::Log;

    #[test]
    fn requests_are_read_once_and_only_when_their_line_is_whole() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let line = |stage: &str, verb: &str, below: &str| {
            format!(r#"{{"stage":"{stage}","verb":"{verb}","user":{{"username":"u"}},"objectRef":{{"resource":"pods"{below}}}}}"#)
        };
        writeln!(file, "{}", line("ResponseComplete", "get", "")).unwrap();
        let mut log = Log::from_now(file.path());
        assert_eq!(log.requests(), [], "what was there before is not ours");
        writeln!(file, "{}", line("ResponseStarted", "watch", "")).unwrap();
        let whole = line("ResponseComplete", "create", r#","subresource":"exec""#);
        write!(file, "{}\nno JSON\n{}", line("ResponseComplete", "watch", ""), &whole[..20]).unwrap();
        let verbs = |log: &mut Log| {
            log.requests().into_iter().map(|request| format!("{} {}", request.verb, request.resource)).collect::<Vec<_>>()
        };
        assert_eq!(verbs(&mut log), ["watch pods"]);
        writeln!(file, "{}", &whole[20..]).unwrap();
        assert_eq!(verbs(&mut log), ["create pods/exec"]);
        file.as_file().set_len(0).unwrap();
        std::fs::write(file.path(), format!("{whole}\n")).unwrap();
        assert_eq!(verbs(&mut log), ["create pods/exec"], "a new file is read from its beginning");
    }
}
