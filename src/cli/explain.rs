//! `undind explain`: the page of a rule or of a reason's code, or the list of rules.

use undind::detect::reason::CODES;
use undind::lint::RULES;
use undind::suggestion::nearest;

use crate::cli::Context;
use crate::cli::args::Explain;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::selection::RuleName;

/// One line of the list, and the page.
struct Page {
    name: RuleName,
    severity: &'static str,
    text: &'static str,
}

/// Prints the page or the list.
pub fn run(arguments: &Explain, context: &Context) -> Result<Exit, Failure> {
    let pages = pages();
    let shown = match &arguments.rule {
        Some(rule) => reason(rule).map_or_else(|| page(&pages, rule).map(str::to_owned), Ok)?,
        None => list(&pages),
    };
    context.output.result(None, shown.as_bytes())?;
    Ok(Exit::Success)
}

/// The names and ids of all rules.
pub fn rule_names() -> Vec<RuleName> {
    pages().iter().map(|page| page.name).collect()
}

fn page(pages: &[Page], rule: &str) -> Result<&'static str, Failure> {
    let found = pages.iter().find(|page| page.name.0.eq_ignore_ascii_case(rule) || page.name.1.eq_ignore_ascii_case(rule));
    found.map(|page| page.text).ok_or_else(|| {
        let known = pages.iter().flat_map(|page| [page.name.0, page.name.1]).chain(CODES.iter().map(|(code, _)| *code));
        let near = nearest(rule, known);
        let help = near.map_or("`undind explain` lists the rules".to_owned(), |near| format!("did you mean `{near}`?"));
        Failure::new(format!("there is no rule or reason `{rule}`")).help(help)
    })
}

fn list(pages: &[Page]) -> String {
    let width = pages.iter().map(|page| page.name.0.len()).max().unwrap_or(0);
    pages.iter().map(|page| format!("{:<8} {:<width$} {}\n", page.name.1, page.name.0, page.severity)).collect()
}

fn pages() -> Vec<Page> {
    RULES.iter().map(|rule| Page { name: (rule.name, rule.id), severity: rule.severity.name(), text: rule.page }).collect()
}

/// A verdict's or a refusal's code with its explanation.
fn reason(code: &str) -> Option<String> {
    CODES.iter().find(|(known, _)| *known == code).map(|(code, text)| format!("# {code}\n\nA reason for leaving a job as it is: {text}.\n"))
}
