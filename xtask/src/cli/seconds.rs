//! A time on the command line: a number of seconds, or as kubectl and Helm take it, such as `90s`, `5m` or `1h30m`.

use jiff::SignedDuration;

/// The longest time: a year. Longer ones are typing errors, and the ends of such waits could not be told.
const LONGEST: u64 = 365 * 24 * 60 * 60;

/// Reads a time of at least a second.
///
/// # Errors
/// What is wrong with the text, for a message that quotes it.
pub(crate) fn seconds(text: &str) -> Result<u64, String> {
    from_none(text).and_then(|seconds| if seconds == 0 { Err("it has to be at least 1 second".to_owned()) } else { Ok(seconds) })
}

/// As [`seconds`]; no time at all is one, too.
pub(crate) fn from_none(text: &str) -> Result<u64, String> {
    let seconds =
        text.parse().ok().or_else(|| whole(text)).ok_or("write seconds, such as 300, or a time such as 90s, 5m or 1h30m")?;
    if seconds > LONGEST { Err("it has to be at most a year".to_owned()) } else { Ok(seconds) }
}

fn whole(text: &str) -> Option<u64> {
    let time: SignedDuration = text.parse().ok()?;
    let seconds = u64::try_from(time.as_secs()).ok()?;
    (time.subsec_nanos() == 0).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_of_seconds_or_what_kubectl_and_helm_take() {
        for (text, expected) in
            [("1", 1), ("300", 300), ("90s", 90), ("5m", 300), ("5m0s", 300), ("1h30m", 5400), ("31536000", LONGEST)]
        {
            assert_eq!(seconds(text), Ok(expected), "{text}");
        }
        for text in ["", "-1", "-5m", "1.5s", "500ms", "5x", "m", "0", "0s", "31536001", "9999999999999999999999", "1e3"] {
            assert!(seconds(text).is_err(), "{text}: {:?}", seconds(text));
        }
        assert_eq!((from_none("0"), from_none("0s")), (Ok(0), Ok(0)));
    }
}
