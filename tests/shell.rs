//! The scripts of real pipelines, as they are and mutated, parsed by bash and by us: the same are refused, and the others hold the same commands. And
//! every range that our parser gives lies where it says.
//!
//! bash parses and prints them (`--pretty-print`, since 5.2) and runs none. What it prints is parsed by us again, so that what is compared does not depend
//! on spaces, line ends and comments.

mod corpus;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::Command;

use corpus::{Numbers, mutate};
use undind::shell::{
    Assignment, Dialect, Env, Expansion, Limits, ListOperator, Part, PartKind, Redirection, Script, Statement, StatementKind, TextRange,
    Word, evaluate, parse,
};
use undind::{Config, Workspace, analyze};

/// The distinct scripts of all jobs of the corpus, in order.
fn scripts() -> Vec<String> {
    let mut scripts = BTreeSet::new();
    for (_, text) in corpus::files() {
        let workspace = Workspace::memory([(".gitlab-ci.yml", text.as_str())]);
        let analysis = analyze(&workspace, &[".gitlab-ci.yml".to_owned()], &Config::default());
        for (job, _) in analysis.pipelines.iter().flat_map(undind::analysis::AnalyzedPipeline::jobs) {
            scripts.extend([&job.script, &job.after_script].map(|script| script.text.to_string()));
        }
    }
    scripts.into_iter().filter(|script| undind::shell::recognise(script) == Dialect::Posix).collect()
}

/// What bash prints of `script`: its text, or why it refuses it; a here-document without an end, of which it only warns, counts as refused.
fn bash(script: &str, file: &std::path::Path) -> Result<String, String> {
    std::fs::write(file, script).unwrap();
    let output = Command::new("bash").arg("--pretty-print").arg(file).env("LC_ALL", "C.UTF-8").output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() && !errors.contains("here-document at line") {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(errors)
    }
}

/// Whether there is a bash that prints scripts.
fn is_there() -> bool {
    let folder = tempfile::tempdir().unwrap();
    let there = Command::new("bash").arg("-c").arg("exit").output().is_ok()
        && bash("if a;then b;fi", &folder.path().join("script")).is_ok_and(|text| text.contains("then\n"));
    if !there {
        eprintln!("skipped: no bash that knows --pretty-print");
    }
    there
}

/// A script's commands without spaces, comments and line ends.
struct Shape<'s> {
    script: &'s Script,
    out: String,
}

impl Shape<'_> {
    fn of(script: &Script) -> String {
        let mut shape = Shape { script, out: String::new() };
        shape.statements(&script.body);
        shape.out
    }

    fn list<T>(&mut self, name: &str, items: &[T], each: fn(&mut Self, &T)) {
        self.out.push('(');
        self.out.push_str(name);
        for item in items {
            self.out.push(' ');
            each(self, item);
        }
        self.out.push(')');
    }

    fn statements(&mut self, statements: &[Statement]) {
        self.list("do", statements, Self::statement);
    }

    fn words(&mut self, words: &[Word]) {
        self.list("words", words, Self::word);
    }

    fn statement(&mut self, statement: &Statement) {
        match &statement.kind {
            StatementKind::Command(command) => {
                self.list("set", &command.assignments, Self::assignment);
                self.words(&command.words);
                self.list("to", &command.redirections, Self::redirection);
            }
            StatementKind::List { first, rest } => {
                self.statement(first);
                for (operator, right) in rest {
                    self.out.push_str(if *operator == ListOperator::And { " && " } else { " || " });
                    self.statement(right);
                }
            }
            StatementKind::Pipeline { negated, stages } => {
                self.out.push_str(if *negated { "!" } else { "" });
                self.list("pipe", stages, Self::statement);
            }
            StatementKind::If { branches, otherwise } => {
                for (index, branch) in branches.iter().enumerate() {
                    // bash prints `elif` as an `if` in an `else`.
                    self.out.push_str(if index == 0 { "if " } else { "else (do if " });
                    self.statements(&branch.condition);
                    self.statements(&branch.body);
                }
                if let Some(body) = otherwise {
                    self.out.push_str("else ");
                    self.statements(body);
                }
                self.out.push_str(&"(to))".repeat(branches.len() - 1));
            }
            StatementKind::For { variable, words, body } => {
                let _ = write!(self.out, "for {variable} ");
                match words {
                    // `for ((a; b; c))` is one word with spaces that mean nothing.
                    Some(words) if variable.is_empty() => {
                        self.out.extend(words.iter().map(|word| self.script.slice(word.range).replace(' ', "")))
                    }
                    Some(words) => self.words(words),
                    // bash prints what is meant.
                    None => self.out.push_str("(words \"${@}\")"),
                }
                self.statements(body);
            }
            StatementKind::While { until, condition, body } => {
                self.out.push_str(if *until { "until " } else { "while " });
                self.statements(condition);
                self.statements(body);
            }
            StatementKind::Case { subject, arms } => {
                self.out.push_str("case ");
                self.word(subject);
                for arm in arms {
                    self.words(&arm.patterns);
                    self.statements(&arm.body);
                }
            }
            StatementKind::Function { name, body } => {
                let _ = write!(self.out, "function {name} ");
                self.statement(body);
            }
            StatementKind::Group(body) => {
                self.out.push_str("group ");
                self.statements(body);
            }
            StatementKind::Subshell(body) => {
                self.out.push_str("subshell ");
                self.statements(body);
            }
            StatementKind::Test(words) => {
                self.out.push_str("test ");
                // bash prints `-n` where it is meant.
                let words: Vec<_> = words.iter().filter(|word| word.literal().as_deref() != Some("-n")).cloned().collect();
                self.words(&words);
            }
            StatementKind::Error => self.out.push_str("ERROR"),
        }
        self.list("to", &statement.redirections, Self::redirection);
        self.out.push_str(if statement.background { "&" } else { "" });
    }

    fn assignment(&mut self, assignment: &Assignment) {
        let _ = write!(self.out, "{}{}=", assignment.name, if assignment.append { "+" } else { "" });
        self.word(&assignment.value);
    }

    fn redirection(&mut self, redirection: &Redirection) {
        // bash prints the descriptor that is meant.
        let meant = u32::from(!redirection.operator.starts_with('<'));
        let _ = write!(self.out, "{}{} ", redirection.descriptor.unwrap_or(meant), redirection.operator);
        match &redirection.heredoc {
            Some(heredoc) => self.list("text", &heredoc.parts, Self::part),
            None => self.word(&redirection.target),
        }
    }

    fn word(&mut self, word: &Word) {
        self.out.push('"');
        word.parts.iter().for_each(|part| self.part(part));
        self.out.push('"');
    }

    fn part(&mut self, part: &Part) {
        match &part.kind {
            PartKind::Literal { text, .. } => self.out.push_str(text),
            PartKind::Variable(variable) => {
                let _ = write!(self.out, "${{{}", variable.name);
                match &variable.expansion {
                    Expansion::Default { assign, colon, word } => {
                        let _ = write!(self.out, " default {assign} {colon} ");
                        self.word(word);
                    }
                    Expansion::Alternative { colon, word } => {
                        let _ = write!(self.out, " alternative {colon} ");
                        self.word(word);
                    }
                    Expansion::Trim { end, longest, pattern } => {
                        let _ = write!(self.out, " trim {end} {longest} ");
                        self.word(pattern);
                    }
                    Expansion::Replace { mode, pattern, replacement } => {
                        let _ = write!(self.out, " replace {mode} ");
                        self.word(pattern);
                        self.word(replacement);
                    }
                    Expansion::Substring { offset, length } => {
                        self.out.push_str(" substring ");
                        self.word(offset);
                        length.iter().for_each(|length| self.word(length));
                    }
                    Expansion::Other(text) => {
                        let _ = write!(self.out, " {text}");
                    }
                    Expansion::Plain | Expansion::Required => {}
                }
                self.out.push('}');
            }
            PartKind::Substitution { body, .. } => {
                self.out.push('$');
                self.statements(body);
            }
            PartKind::ProcessSubstitution { body } => {
                self.out.push('<');
                self.statements(body);
            }
            PartKind::Arithmetic(parts) => self.list("arithmetic", parts, Self::part),
            PartKind::Pattern(text) => self.out.push_str(text),
            PartKind::Interpolation => self.out.push_str(self.script.slice(part.range)),
        }
    }
}

fn ours(text: &str) -> Script {
    parse(text, Limits { dialect: Some(Dialect::Posix), ..Limits::default() })
}

/// Whether what follows `before` stands in backticks, behind the start of a here-document or of arithmetic, or in `${…}`.
fn is_late(before: &str) -> bool {
    let open = |before: &str, start: &str, end: char| before.rsplit_once(start).is_some_and(|(_, inner)| !inner.contains(end));
    before.matches('`').count() % 2 == 1 || before.contains("<<") || open(before, "${", '}') || before.contains("$((")
}

/// What is wrong with our reading of `text`, if anything is; and whether bash accepts it.
fn judged(text: &str, file: &std::path::Path) -> (Option<String>, bool) {
    let script = ours(text);
    let theirs = bash(text, file);
    let accepted = theirs.is_ok();
    let wrong = match (script.errors.first(), theirs) {
        // The inside of `[[ … ]]` is words for us.
        (None, Err(why)) if why.is_empty() || why.contains("conditional") => None,
        (None, Err(why)) => Some(format!("bash refuses it: {why}")),
        // bash looks into backticks, here-documents, arithmetic and `${…}` when it runs them.
        (Some(error), Ok(_)) if is_late(&text[..error.start as usize]) => None,
        // So it does with the name of a loop's variable.
        (Some(error), Ok(_)) if script.slice(*error).starts_with("for ") => None,
        // A backslash in a name without braces or at the end of the script is refused: something else follows than it looks like.
        (Some(error), Ok(_)) if script.slice(*error).contains('\\') => None,
        (Some(error), Ok(_)) => Some(format!("we refuse it at {:?}: {:?}", error, script.slice(*error))),
        (Some(_), Err(_)) => None,
        (None, Ok(printed)) => {
            // bash 5.2 forgets the `;` behind a command that comes after a here-document.
            if script.text.replace("<<<", "").contains("<<") {
                return (None, accepted);
            }
            // bash prints `|&` as what it stands for.
            let (own, again) = (Shape::of(&ours(&text.replace("|&", "2>&1 |"))), Shape::of(&ours(&printed)));
            let apart = own.bytes().zip(again.bytes()).take_while(|(left, right)| left == right).count().saturating_sub(60);
            let from =
                |text: &str| String::from_utf8_lossy(&text.as_bytes()[apart.min(text.len())..]).chars().take(200).collect::<String>();
            (own != again).then(|| format!("it holds other commands\n--- ours\n{}\n--- bash's\n{}", from(&own), from(&again)))
        }
    };
    (wrong.map(|wrong| format!("=== script\n{text}\n=== {wrong}")), accepted)
}

fn continued_name(text: &str) -> bool {
    let named = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    text.match_indices("\\\n").any(|(at, _)| at > 0 && named(text.as_bytes().get(at - 1)) && named(text.as_bytes().get(at + 2)))
}

/// Asserts that bash and we agree on `texts`, of which bash accepts and refuses at least so many.
fn compare(texts: &[String], accepted_at_least: usize, refused_at_least: usize) {
    let half = texts.len().div_ceil(2).max(1);
    let judge = |texts: &[String]| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("script");
        texts.iter().map(|text| judged(text, &file)).collect::<Vec<_>>()
    };
    let all: Vec<_> = std::thread::scope(|scope| {
        let parts: Vec<_> = texts.chunks(half).map(|part| scope.spawn(move || judge(part))).collect();
        parts.into_iter().flat_map(|part| part.join().unwrap()).collect()
    });
    let accepted = all.iter().filter(|(_, accepted)| *accepted).count();
    let wrong: Vec<&String> = all.iter().filter_map(|(wrong, _)| wrong.as_ref()).collect();
    if let Ok(file) = std::env::var("BASH_DIFFERENCES") {
        std::fs::write(file, wrong.iter().map(|wrong| format!("{wrong}\n")).collect::<String>()).unwrap();
    }
    assert!(
        wrong.is_empty(),
        "{} of {} differ\n{}",
        wrong.len(),
        texts.len(),
        wrong.iter().take(5).map(|wrong| format!("{wrong}\n")).collect::<String>()
    );
    eprintln!("{} scripts, {accepted} accepted: no difference", texts.len());
    assert!(accepted >= accepted_at_least && texts.len() - accepted >= refused_at_least, "{accepted} of {} accepted", texts.len());
}

#[test]
fn scripts_of_real_pipelines_are_read_as_bash_reads_them() {
    let scripts = scripts();
    if !scripts.is_empty() && is_there() {
        compare(&scripts, 1_000, 0);
    }
}

#[test]
fn mutated_scripts_are_read_as_bash_reads_them() {
    const INSERTS: [&str; 40] = [
        " ", "\n", "\\", "\\\n", "'", "\"", "`", "$", "$(", "(", ")", "{", "}", "{ ", " }", "${", "$((", "))", " [[ ", " ]] ", ";", ";;",
        "&", "&&", "|", "||", "<", ">", ">>", "2>&1", "<<EOF\n", "<<-'E'\n", "#", " #", "!", "! ", "then ", "fi\n", "do ", "done\n",
    ];
    let scripts = scripts();
    if scripts.is_empty() || !is_there() {
        return;
    }
    let mut numbers = Numbers(0xBA5_45E1);
    let mutated = (0..3_000).map(|at| mutate(&scripts[at * 11 % scripts.len()], &INSERTS, &mut numbers));
    // What GitLab puts in the place of `$[[ … ]]` is no question for bash, and a name that goes on in the next line is a word for us.
    let mutated: Vec<String> =
        mutated.filter(|text| !text.contains("$[[") && !text.contains("[[ inputs") && !continued_name(text)).collect();
    compare(&mutated, 300, 300);
}

fn check_statement(text: &str, parent: TextRange, statement: &Statement) {
    assert!(parent.contains(statement.range), "{:?} outside of {parent:?}", statement.range);
    if let StatementKind::Command(command) = &statement.kind {
        let slice = &text[command.range.range()];
        let unclosed = slice.contains(['"', '\'', '`', '(']) && command.range.end as usize == text.len();
        assert!(unclosed || slice == slice.trim_matches([' ', '\n', '\t']), "{slice:?}");
        for word in &command.words {
            assert!(command.range.contains(word.range));
            text.get(word.range.range()).unwrap();
        }
    }
    let bodies: Vec<&[Statement]> = match &statement.kind {
        StatementKind::If { branches, otherwise } => {
            branches.iter().flat_map(|b| [b.condition.as_slice(), &b.body]).chain(otherwise.as_deref()).collect()
        }
        StatementKind::For { body, .. } | StatementKind::Group(body) | StatementKind::Subshell(body) => vec![body],
        StatementKind::While { condition, body, .. } => vec![condition, body],
        StatementKind::Pipeline { stages, .. } => vec![stages],
        StatementKind::Case { arms, .. } => arms.iter().map(|arm| arm.body.as_slice()).collect(),
        _ => Vec::new(),
    };
    for inner in bodies.into_iter().flatten() {
        check_statement(text, statement.range, inner);
    }
    if let StatementKind::List { first, rest } = &statement.kind {
        check_statement(text, statement.range, first);
        rest.iter().for_each(|(_, right)| check_statement(text, statement.range, right));
    }
}

#[test]
fn every_range_in_the_scripts_of_real_pipelines_is_exact() {
    let files = corpus::files();
    let (mut items, mut damaged) = (0, 0);
    for (_, text) in &files {
        let written = text.lines().filter_map(|line| line.trim_start().strip_prefix("- "));
        for item in written {
            let script = parse(item, Limits { dialect: Some(Dialect::Posix), ..Limits::default() });
            let whole = TextRange::new(0, item.len());
            script.body.iter().for_each(|statement| check_statement(item, whole, statement));
            assert!(!evaluate(&script, &Env::default()).truncated);
            items += 1;
            damaged += usize::from(!script.errors.is_empty());
        }
        assert!(!evaluate(&parse(text, Limits::default()), &Env::default()).truncated);
    }
    eprintln!("{items} items, {damaged} with errors");
    assert!(files.is_empty() || (items > 1_000 && damaged * 10 < items), "{damaged} of {items} are damaged");
}
