//! Whether a start script is as `provision` wrote it, or was changed since.
//!
//! Only digests are stored: of the lines without comments, with what differs from participant to participant left out.
//! FLARE's templates seldom change; a release that changes one needs a new row here.

use flare_file_tree::Digest;

/// What precedes a value that differs from participant to participant. The value ends at a space or a quote.
const BEFORE_VALUES: [&str; 8] =
    ["uid=", "org=", "config_folder=", "ha_mode=", "--name=", "DOCKER_IMAGE=", "nvflare.private.fed.app.", "fed_"];

/// The last characters of [`BEFORE_VALUES`].
const ENDS: [u8; 3] = *b"=._";

/// Only a client's command has it.
const CLIENT_ONLY: &str = "uid=";

/// Paths, each with the first 16 hex digits of the digests of what `provision` of FLARE 2.4.2 to 2.9.1 writes there.
const KNOWN: [(&str, &[&str]); 4] = [
    (
        "startup/start.sh",
        &[
            // Clients, then servers, oldest release first.
            "4819d9d9364c03a2",
            "f0102d20de39564b",
            "01de6a34b520fdd5",
            "5fccc16c7318cc16",
            "8da416983c602ecd",
            "ed58abd9d66cd9b6",
        ],
    ),
    (
        "startup/sub_start.sh",
        &[
            "f5f531af8f72b59e",
            "fce49ce17b842894",
            "934e16763d0db60c",
            "beb4775a3b1c0323",
            "6715b0e6c56ff536",
            "c5f9a6d7c349fffc",
            "a6478f9b4a586eb2",
        ],
    ),
    ("startup/stop_fl.sh", &["094fbbc81398a63d", "e9d6095e26932f79"]),
    ("startup/docker.sh", &["fcd30bd8b609856c", "f05130a90dfbff7b"]),
];

/// Whether a file is as `provision` wrote it, or has no effect.
pub(crate) fn is_untouched(path: &str, bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let skeleton = skeleton(text);
    let digest = Digest::of(skeleton.as_bytes()).to_string();
    skeleton.trim().is_empty() || KNOWN.iter().any(|(known, digests)| *known == path && digests.contains(&&digest[..16]))
}

/// The text without comments, and without what differs from participant to participant.
fn skeleton(text: &str) -> String {
    let mut skeleton = String::with_capacity(text.len());
    for line in text.split_inclusive('\n').filter(|line| !line.trim_start().starts_with('#')) {
        let (mut rest, mut from) = (line, 0);
        // Only where one of the characters is that ends what precedes a value, since each start script of each kit is read.
        while let Some(found) = rest.as_bytes()[from..].iter().position(|byte| ENDS.contains(byte)) {
            let end = from + found + 1;
            let Some(before) = BEFORE_VALUES.into_iter().find(|before| rest[..end].ends_with(before)) else {
                from = end;
                continue;
            };
            skeleton.push_str(&rest[..if before == CLIENT_ONLY { end - before.len() } else { end }]);
            rest = rest[end..].trim_start_matches(|end: char| !end.is_whitespace() && end != '"');
            from = 0;
        }
        skeleton.push_str(rest);
    }
    skeleton
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_values_of_a_participant_do_not_count() {
        let text = "#!/bin/sh\n  # note\nrun -m app \"--set uid=site-1 org=a config_folder=config\"\n";
        assert_eq!(skeleton(text), "run -m app \"--set  org= config_folder=\"\n");
        assert_ne!(skeleton("export A=1\n"), skeleton("export A=2\n"));
        assert_eq!(skeleton("a_b=ä fed_client.json\tx.org=\"é\" fed_"), "a_b=ä fed_\tx.org=\"é\" fed_");
        assert!(BEFORE_VALUES.iter().all(|before| before.bytes().last().is_some_and(|end| ENDS.contains(&end))));
    }
}
