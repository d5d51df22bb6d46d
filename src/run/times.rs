//! Lengths of time as people write them for GitLab (the gem `gitlab-chronic-duration`). Knows no clock.

use std::time::Duration;

/// Longest time that is understood: a hundred years.
const MAX_SECONDS: f64 = 100.0 * 365.0 * 86_400.0;

/// The length that `text` gives, such as `1h 30m`, `3600 seconds`, `2 days and 3 mins` or `1:30:00`; a number alone is seconds.
#[must_use]
pub fn duration(text: &str) -> Option<Duration> {
    let text = text.trim().to_ascii_lowercase();
    if text.contains(':') {
        let parts: Vec<f64> = text.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
        return seconds(parts.iter().fold(0.0, |all, part| all * 60.0 + part));
    }
    let mut all = 0.0;
    let mut rest = text.as_str();
    let mut is_empty = true;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
        rest = rest.strip_prefix("and ").unwrap_or(rest).trim_start();
        if rest.is_empty() {
            return if is_empty { None } else { seconds(all) };
        }
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let number: f64 = rest[..end].parse().ok()?;
        rest = rest[end..].trim_start();
        let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        all += number * unit(&rest[..end])?;
        rest = &rest[end..];
        is_empty = false;
    }
}

fn seconds(seconds: f64) -> Option<Duration> {
    (0.0..=MAX_SECONDS).contains(&seconds).then(|| Duration::from_secs_f64(seconds))
}

/// The seconds of a unit.
fn unit(name: &str) -> Option<f64> {
    Some(match name {
        "" | "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
        "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3600.0,
        "d" | "day" | "days" => 86_400.0,
        "w" | "wk" | "wks" | "week" | "weeks" => 7.0 * 86_400.0,
        "mo" | "mos" | "mon" | "mons" | "month" | "months" => 30.0 * 86_400.0,
        "y" | "yr" | "yrs" | "year" | "years" => 365.25 * 86_400.0,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_many_ways() {
        for (text, seconds) in [
            ("3600 seconds", 3600),
            ("1h 30m", 5400),
            ("3 hours 30 minutes", 12_600),
            ("1 hour and 5 mins", 3900),
            ("2m3s", 123),
            ("60", 60),
            ("1:30:00", 5400),
            ("1 week", 604_800),
            ("1.5 min", 90),
        ] {
            assert_eq!(duration(text), Some(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in ["", "soon", "5 apples", "1e400", "-3", "999999999999999 years", "1::2x"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
