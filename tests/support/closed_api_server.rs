//! An API server that knows nobody: it refuses each request at once, so that the result of a run does not depend on how far a busy
//! machine comes before a time is up.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

use serde_json::json;

/// Starts it on a free port of loopback; returns its address, as a kubeconfig names it. It lives as long as the process.
pub fn start() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            thread::spawn(move || refuse(connection));
        }
    });
    format!("http://{address}")
}

/// Reads a request and refuses it; `None` if the client has gone meanwhile.
fn refuse(mut connection: TcpStream) -> Option<()> {
    let mut request = BufReader::new(connection.try_clone().ok()?);
    let mut length = 0;
    loop {
        let mut line = String::new();
        request.read_line(&mut line).ok()?;
        let line = line.trim().to_ascii_lowercase();
        if let Some(number) = line.strip_prefix("content-length:") {
            length = number.trim().parse().ok()?;
        }
        if line.is_empty() {
            break;
        }
    }
    request.read_exact(&mut vec![0; length]).ok()?;
    let status = json!({"apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure", "message": "Unauthorized",
        "reason": "Unauthorized", "code": 401})
    .to_string();
    let head = "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nConnection: close";
    write!(connection, "{head}\r\nContent-Length: {}\r\n\r\n{status}", status.len()).ok()
}
