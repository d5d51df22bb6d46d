//! What several functions of a module have in common: the order in which one function runs them, their scripts and images. Knows no language's words.

use std::collections::{BTreeMap, BTreeSet};

use crate::migrate::module::form::{Form, Part};
use crate::migrate::module::names::parameter as words;
use crate::migrate::module::sdk::{Job, Language, SharedImage};

/// The jobs that one function can run together, in an order in which each finds what it takes; a single one needs no function more.
pub(super) fn run_together(
    forms: &[&Form],
    jobs: &mut [Job],
    inputs: &BTreeMap<String, BTreeSet<String>>,
    language: &dyn Language,
) -> Vec<usize> {
    let numbers: BTreeMap<&str, usize> = forms.iter().enumerate().map(|(index, form)| (form.function.as_str(), index)).collect();
    let mut waiting: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); forms.len()];
    let mut takers: Vec<Vec<usize>> = vec![Vec::new(); forms.len()];
    let mut ready = BTreeSet::new();
    for (index, form) in forms.iter().enumerate().filter(|&(index, _)| jobs[index].together) {
        let Some(taken) = inputs.get(&form.function) else { continue };
        let Some(taken) = taken.iter().map(|function| numbers.get(function.as_str()).copied()).collect::<Option<BTreeSet<usize>>>() else {
            continue;
        };
        taken.iter().for_each(|&other| takers[other].push(index));
        if taken.is_empty() {
            ready.insert(index);
        }
        waiting[index] = taken;
    }
    let taken = waiting.clone();
    let mut order = Vec::new();
    while let Some(index) = ready.pop_first() {
        order.push(index);
        for &taker in &takers[index] {
            waiting[taker].remove(&index);
            if waiting[taker].is_empty() {
                ready.insert(taker);
            }
        }
    }
    if order.len() < 2 {
        order.clear();
    }
    let placed: BTreeSet<usize> = order.iter().copied().collect();
    for (index, job) in jobs.iter_mut().enumerate() {
        job.together = placed.contains(&index);
    }
    for &index in &order {
        for &other in &taken[index] {
            let words = forms[other].function.split('-').chain(["outputs"]);
            jobs[other].outputs = language.parameter(&words.map(str::to_owned).collect::<Vec<_>>());
            let outputs = jobs[other].outputs.clone();
            jobs[index].takes.push(outputs);
        }
    }
    order
}

/// Scripts that several jobs run are written once, under the first job's name; what is written elsewhere is empty.
pub(super) fn shared_scripts(jobs: &mut [Job]) {
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    for job in jobs.iter_mut().filter(|job| job.builds.is_empty()) {
        for (constant, script) in [(&mut job.constant, &mut job.script), (&mut job.after_constant, &mut job.after_script)] {
            if script.is_empty() {
                continue;
            }
            if let Some(other) = known.get(script) {
                for word in job.command.iter_mut().filter(|word| *word == constant) {
                    word.clone_from(other);
                }
                script.clear();
            } else {
                known.insert(script.clone(), constant.clone());
            }
        }
    }
}

/// A helper for each image that several jobs run in, without variables in its name and without a login; the jobs get the helpers' names.
pub(super) fn shared_images(forms: &[&Form], jobs: &mut [Job], language: &dyn Language) -> Vec<SharedImage> {
    let mut users: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, form) in forms.iter().enumerate().filter(|(_, form)| form.builds.is_empty() && form.registry.is_none()) {
        if let [Part::Literal(image)] = form.image.0.as_slice() {
            users.entry(image).or_default().push(index);
        }
    }
    let parameters = forms.iter().flat_map(|form| form.parameters.keys());
    let mut taken: BTreeSet<String> = parameters.map(|name| language.parameter(&words(name))).collect();
    let mut images = Vec::new();
    for (image, users) in users.into_iter().filter(|(_, users)| users.len() > 1) {
        let short = image.split('@').next().unwrap_or(image);
        let short = short.rsplit('/').next().unwrap_or(short).to_ascii_lowercase();
        let parts = short.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
        let parts: Vec<String> = ["in"].into_iter().chain(parts).map(str::to_owned).collect();
        let numbered = (2..).map(|number: usize| language.helper(&[parts.as_slice(), &["no".to_owned(), number.to_string()]].concat()));
        let mut names = std::iter::once(language.helper(&parts)).chain(numbered);
        let name = names.find(|name| taken.insert(name.clone())).expect("numbers go on");
        users.into_iter().for_each(|user| jobs[user].helper.clone_from(&name));
        images.push(SharedImage { name, image: language.string(image) });
    }
    images
}
