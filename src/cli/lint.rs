//! `undind lint`: finds mistakes, fixes them on request, and reports what is left.

use std::collections::BTreeSet;
use std::path::Path;

use undind::edit::Safety;
use undind::lint::LintOptions;
use undind::report::baseline::Baseline;
use undind::report::finding::Found;
use undind::report::json::{LintOutput, bytes};
use undind::report::{codequality, diff, junit, sarif, text};

use crate::cli::Context;
use crate::cli::args::{Lint, LintFormat};
use crate::cli::check::{Checked, check};
use crate::cli::discover::{Repository, STDIN, discover};
use crate::cli::exit::Exit;
use crate::cli::explain::rule_names;
use crate::cli::failure::Failure;
use crate::cli::fix::{Texts, changes, diff as fix_diff, fixed};
use crate::cli::parallel;
use crate::cli::runner_file::RunnerFile;
use crate::cli::selection;
use crate::cli::write::write_files;

/// A repository after its check.
struct Linted {
    repository: Repository,
    checked: Vec<Checked>,
    texts: Texts,
}

/// Lints the paths of the command line.
pub fn run(arguments: &Lint, context: &Context) -> Result<Exit, Failure> {
    let rules = rule_names();
    selection::check(&arguments.select, "--select", &rules)?;
    selection::check(&arguments.ignore, "--ignore", &rules)?;
    let discovery = context.output.timed("discover", || discover(&arguments.paths, context))?;
    discovery.failures.iter().for_each(|failure| context.output.failure(failure));
    // "No findings" would mislead people where nothing was read; a program gets its empty report.
    if discovery.is_empty() && !discovery.failures.is_empty() && arguments.format == LintFormat::Text {
        return Ok(Exit::Failure);
    }
    let runner_files = arguments.runner_config.iter().map(|path| RunnerFile::read(path)).collect::<Result<Vec<_>, _>>()?;
    let results = parallel::map(discovery.repositories, |mut repository| {
        repository.runner_files = runner_files.iter().map(|file| file.seen_from(&repository)).collect();
        lint_repository(repository, arguments, context)
    });
    let results = results.into_iter().collect::<Result<Vec<_>, _>>()?;
    if arguments.diff {
        return print_diff(&results, arguments, context);
    }
    if arguments.fix || arguments.unsafe_fixes {
        write_fixes(&results, context)?;
    }
    let exit = report(&results, arguments, context)?;
    Ok(if discovery.failures.is_empty() { exit } else { Exit::Failure })
}

fn lint_repository(repository: Repository, arguments: &Lint, context: &Context) -> Result<Linted, Failure> {
    let config = &repository.config.lint;
    let rules = rule_names();
    selection::check(&config.select, "`lint.select` in .undind.yml", &rules)?;
    selection::check(&config.ignore, "`lint.ignore` in .undind.yml", &rules)?;
    let wish = LintOptions {
        select: selection::names(if arguments.select.is_empty() { &config.select } else { &arguments.select }, &rules),
        ignore: selection::names(config.ignore.iter().chain(&arguments.ignore), &rules),
        min_severity: arguments.min_severity.map(Into::into).or(config.min_severity),
    };
    let (texts, checked) = match asked_safety(arguments) {
        Some(safety) => fixed(&repository, safety, &wish, context),
        None => (Texts::new(), check(&repository, &repository.workspace, &wish, context)),
    };
    Ok(Linted { repository, checked, texts })
}

fn asked_safety(arguments: &Lint) -> Option<Safety> {
    if arguments.unsafe_fixes {
        Some(Safety::Unsafe)
    } else if arguments.fix || arguments.diff {
        Some(Safety::Safe)
    } else {
        None
    }
}

fn print_diff(results: &[Linted], arguments: &Lint, context: &Context) -> Result<Exit, Failure> {
    let diff: String = results.iter().map(|result| fix_diff(&result.repository, &result.texts)).collect();
    let coloured = arguments.output.is_none() && context.output.colours_stdout();
    let shown = if coloured { diff::coloured(&diff) } else { diff.clone() };
    context.output.result(arguments.output.as_deref(), shown.as_bytes())?;
    Ok(if diff.is_empty() { Exit::Success } else { Exit::Findings })
}

/// Files are written; the text from standard input is printed, and its findings go to standard error.
fn write_fixes(results: &[Linted], context: &Context) -> Result<(), Failure> {
    for result in results {
        let changes = changes(&result.repository, &result.texts);
        if result.repository.stdin {
            let text =
                result.texts.get(STDIN).cloned().or_else(|| result.repository.workspace.text(STDIN).ok().map(|text| text.to_string()));
            context.output.result(None, text.unwrap_or_default().as_bytes())?;
        } else {
            write_files(&result.repository.root, &changes).map_err(|error| Failure::new(error.to_string()))?;
            changes.iter().for_each(|change| context.output.note(&format!("fixed {}{}", result.repository.prefix, change.path)));
        }
    }
    Ok(())
}

fn report(results: &[Linted], arguments: &Lint, context: &Context) -> Result<Exit, Failure> {
    // Scripts get paths from the root of the repository, people paths that they can open from where they are.
    let from_root = results.len() == 1 && arguments.format != LintFormat::Text;
    let prefix = |result: &'_ Linted| if from_root { String::new() } else { result.repository.prefix.clone() };
    let prefixes: Vec<String> = results.iter().map(prefix).collect();
    let mut found: Vec<Found<'_>> = results
        .iter()
        .zip(&prefixes)
        .flat_map(|(result, prefix)| result.checked.iter().flat_map(move |checked| checked.found(prefix)))
        .collect();
    let files = results.iter().map(|result| result.checked.iter().flat_map(Checked::files).collect::<BTreeSet<_>>().len()).sum();
    let mut suppressed: usize = results.iter().flat_map(|result| &result.checked).map(|checked| checked.suppressed).sum();
    if let Some(path) = &arguments.write_baseline {
        context.output.result(Some(path), &bytes(&Baseline::of(&found)))?;
        context.output.note(&format!("{} accepted in {}", text::counted(found.len(), "finding"), path.display()));
        return Ok(Exit::Success);
    }
    if let Some(path) = &arguments.baseline {
        let rest = read_baseline(path)?.rest(&found);
        suppressed += found.len() - rest.len();
        found = rest;
    }
    print(&found, (files, suppressed), results, arguments, context)?;
    Ok(if found.is_empty() { Exit::Success } else { Exit::Findings })
}

fn print(
    found: &[Found<'_>],
    (files, suppressed): (usize, usize),
    results: &[Linted],
    arguments: &Lint,
    context: &Context,
) -> Result<(), Failure> {
    let colour = arguments.output.is_none() && context.output.colours_stdout();
    let shown = match arguments.format {
        LintFormat::Text => {
            let mut shown = text::findings(found, colour);
            shown.extend_from_slice(format!("{}\n", text::summary(found, files, suppressed)).as_bytes());
            shown
        }
        LintFormat::Json => bytes(&LintOutput::new(files, suppressed, found)),
        LintFormat::Sarif => bytes(&sarif::log(found)),
        LintFormat::Codequality => bytes(&codequality::issues(found)),
        LintFormat::Junit => junit::xml(found).into_bytes(),
    };
    let printed_text = (arguments.fix || arguments.unsafe_fixes) && results.iter().any(|result| result.repository.stdin);
    if printed_text && arguments.output.is_none() {
        context.output.note(&String::from_utf8_lossy(&shown));
        return Ok(());
    }
    context.output.result(arguments.output.as_deref(), &shown)
}

fn read_baseline(path: &Path) -> Result<Baseline, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::at(path, format!("the baseline can't be read: {error}")))?;
    Baseline::parse(&text)
        .map_err(|error| Failure::at(path, format!("this is not a baseline: {error}")).help("`undind lint --write-baseline` writes one"))
}
