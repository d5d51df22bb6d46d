//! A dotenv report into the variables of later jobs, as GitLab reads it (`Ci::ParseDotenvArtifactService`;
//! <https://docs.gitlab.com/ci/yaml/artifacts_reports/#artifactsreportsdotenv>). Knows no job.

/// Most bytes of a report.
pub const MAX_BYTES: u64 = 5 * 1024;

/// Most variables of a report.
const MAX_VARIABLES: usize = 50;

/// The variables of the report `text`, in order. A value keeps its quotes.
///
/// # Errors
/// What GitLab refuses: a sentence without its end.
pub fn variables(text: &[u8]) -> Result<Vec<(String, String)>, String> {
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > MAX_BYTES {
        return Err(format!("a dotenv report may have {MAX_BYTES} bytes, and this one has {}", text.len()));
    }
    let text = std::str::from_utf8(text).map_err(|_| "a dotenv report has to be UTF-8".to_owned())?;
    let mut variables: Vec<(String, String)> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let wrong = |why: &str| format!("line {} of the dotenv report {why}", index + 1);
        let (name, value) = line.split_once('=').ok_or_else(|| wrong("is no NAME=VALUE"))?;
        let name = name.trim();
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(wrong("has a name with more than letters, digits and underscores"));
        }
        variables.retain(|(known, _)| known != name);
        variables.push((name.to_owned(), value.trim().to_owned()));
    }
    if variables.len() > MAX_VARIABLES {
        return Err(format!("a dotenv report may have {MAX_VARIABLES} variables, and this one has {}", variables.len()));
    }
    Ok(variables)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_the_rest_of_its_line_with_its_quotes() {
        let read = variables(b"A=1\nB=\"x=y\"\nA=2\n").unwrap();
        assert_eq!(read, [("B".to_owned(), "\"x=y\"".to_owned()), ("A".to_owned(), "2".to_owned())]);
    }

    #[test]
    fn comments_blank_lines_and_odd_names_are_refused() {
        assert!(variables(b"# c\n").unwrap_err().contains("line 1"));
        assert!(variables(b"A=1\n\nB=2\n").unwrap_err().contains("line 2"));
        assert!(variables(b"A.B=1\n").is_err() && variables(b"A=\xff\n").is_err());
    }

    #[test]
    fn a_report_has_a_limit() {
        assert!(variables(&vec![b'a'; 6000]).unwrap_err().contains("bytes"));
        let many: String = (0..51).map(|number| format!("V{number}=1\n")).collect();
        assert!(variables(many.as_bytes()).unwrap_err().contains("variables"));
    }
}
