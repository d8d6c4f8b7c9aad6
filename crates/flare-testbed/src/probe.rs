//! Probes a cluster's services over its link: DNS, the registry, and the images in it.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket},
    path::Path,
    time::Duration,
};

/// The time limit of one probe.
const LIMIT: Duration = Duration::from_secs(2);

/// Whether the cluster's DNS resolves the API server.
pub(crate) fn dns_answers(node: Ipv4Addr) -> bool {
    let ask = || -> std::io::Result<bool> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        socket.set_read_timeout(Some(LIMIT))?;
        socket.send_to(&question("kubernetes.default.svc.cluster.local"), (node, 53))?;
        let mut answer = [0; 512];
        let length = socket.recv(&mut answer)?;
        Ok(has_answer(&answer[..length]))
    };
    ask().unwrap_or(false)
}

/// A DNS query for an address (RFC 1035, section 4).
fn question(name: &str) -> Vec<u8> {
    let mut packet = vec![0x46, 0x4b, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        packet.push(u8::try_from(label.len()).expect("the labels of our own names are short"));
        packet.extend(label.bytes());
    }
    packet.extend([0, 0, 1, 0, 1]);
    packet
}

/// Whether a reply to the query has no error (the last four bits of the flags are 0) and at least one record.
fn has_answer(packet: &[u8]) -> bool {
    packet.len() > 12 && packet[..2] == [0x46, 0x4b] && packet[3].trailing_zeros() >= 4 && packet[6..8] != [0, 0]
}

/// Whether a registry answers, even if it asks for a password.
pub(crate) fn registry_answers(node: Ipv4Addr, port: u16) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect_timeout(&SocketAddr::from((node, port)), LIMIT)?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.write_all(format!("GET /v2/ HTTP/1.0\r\nHost: {node}\r\n\r\n").as_bytes())?;
        let mut answer = String::new();
        stream.take(4096).read_to_string(&mut answer)?;
        Ok(answer.lines().next().is_some_and(|line| line.contains(" 200 ") || line.contains(" 401 ")))
    };
    ask().unwrap_or(false)
}

/// The images in a registry's directory, as `repository:tag`, sorted.
pub(crate) fn images(registry: &Path) -> Vec<String> {
    let root = registry.join("docker/registry/v2/repositories");
    let mut found = Vec::new();
    collect(&root, &root, &mut found);
    found.sort();
    found
}

fn collect(root: &Path, directory: &Path, found: &mut Vec<String>) {
    let directories = |path: &Path| {
        let entries = fs::read_dir(path).into_iter().flatten().filter_map(Result::ok);
        entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()).collect::<Vec<_>>()
    };
    for tag in directories(&directory.join("_manifests/tags")) {
        if let (Ok(repository), Some(tag)) = (directory.strip_prefix(root), tag.file_name()) {
            found.push(format!("{}:{}", repository.display(), tag.display()));
        }
    }
    let is_repository =
        |path: &&std::path::PathBuf| path.file_name().is_some_and(|name| !name.as_encoded_bytes().starts_with(b"_"));
    for below in directories(directory).iter().filter(is_repository) {
        collect(root, below, found);
    }
}

#[cfg(test)]
mod tests {
    use super::{has_answer, images, question};

    #[test]
    fn a_question_is_as_the_standard_has_it_and_answers_are_told_from_refusals() {
        let packet = question("a.bc");
        assert_eq!(packet[12..], [1, b'a', 2, b'b', b'c', 0, 0, 1, 0, 1]);
        let mut reply = packet.clone();
        assert!(!has_answer(&reply));
        reply[7] = 1;
        assert!(has_answer(&reply));
        reply[3] |= 3;
        assert!(!has_answer(&reply), "NXDOMAIN");
        assert!(!has_answer(&[]));
    }

    #[test]
    fn images_are_the_tags_of_every_repository() {
        let directory = tempfile::tempdir().unwrap();
        for tag in [
            "lab/pause/_manifests/tags/1",
            "nvflare/nvflare/_manifests/tags/2.8.3",
            "nvflare/nvflare/_manifests/tags/2.9.0",
            "x/_layers",
        ] {
            std::fs::create_dir_all(directory.path().join("docker/registry/v2/repositories").join(tag)).unwrap();
        }
        assert_eq!(images(directory.path()), ["lab/pause:1", "nvflare/nvflare:2.8.3", "nvflare/nvflare:2.9.0"]);
        assert!(images(&directory.path().join("none")).is_empty());
    }
}
