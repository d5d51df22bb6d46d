//! Forms into the files of a module in one of Dagger's languages. Knows what templates are given; the languages know the words.

mod go;
mod python;
mod shared;
mod typescript;

use std::collections::{BTreeMap, BTreeSet};

use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;

use crate::migrate::module::build::Build;
use crate::migrate::module::daemon::ADDRESS;
use crate::migrate::module::form::{Form, Outputs, Parameter, Text};
use crate::migrate::module::names::parameter as words;
use crate::migrate::module::sdk::shared::{run_together, shared_images, shared_scripts};
use crate::migrate::module::service::Service;
use crate::migrate::module::{FOLDER, Sdk};

/// The version of Dagger that modules are written for.
pub const ENGINE: &str = "v0.21.11";

/// What runs a job's scripts in a container.
const RUN: &str = include_str!("../../../templates/dagger/run.sh");

/// What a language calls things, and how its formatter writes them.
trait Language: Sync {
    /// The name in `dagger.json`.
    fn name(&self) -> &'static str;
    /// The path of the code in the module's folder, and its template.
    fn main(&self) -> (&'static str, &'static str);
    /// The other files of a module: path in its folder and text.
    fn files(&self) -> &'static [(&'static str, &'static str)];
    /// The name of a function.
    fn function(&self, words: &[String]) -> String;
    /// The name of something that is called from within the module alone.
    fn helper(&self, words: &[String]) -> String {
        self.function(words)
    }
    /// The name of a parameter.
    fn parameter(&self, words: &[String]) -> String;
    /// The names of the constants with a job's script and `after_script`.
    fn constants(&self, words: &[String]) -> [String; 2];
    /// A string literal.
    fn string(&self, text: &str) -> String;
    /// A text with variables.
    fn text(&self, text: &Text) -> String;
    /// A text with variables as one of several arguments.
    fn text_among(&self, text: &Text) -> String {
        self.text(text)
    }
    /// A text of several lines.
    fn block(&self, text: &str) -> String;
    /// A path in the folder that an expression stands for.
    fn below(&self, folder: &str, path: &str) -> String;
    /// The constant with the folder of the checkout.
    fn folder(&self) -> &'static str;
    /// A parameter as it is declared in a function, and in one that is not called from outside.
    fn declared(&self, name: &str, parameter: &Parameter) -> [String; 2];
    /// The parameter with the folder of the checkout, in both.
    fn declared_folder(&self, name: &str) -> [String; 2];
    /// The value of a parameter where nobody gives one; none where the language fills it in.
    fn otherwise(&self, _: &Parameter) -> Option<String> {
        None
    }
    /// A variable with its value in a list of them; `name` is a parameter.
    fn given(&self, variable: &str, name: &str, _: &Parameter) -> String {
        self.set(variable, name)
    }
    /// A variable with an expression as its value in a list of them.
    fn set(&self, variable: &str, value: &str) -> String;
    /// A parameter that a helper may find without a value.
    fn maybe(&self, name: &str, _: &Parameter) -> String {
        name.to_owned()
    }
    /// An option of a build: `dockerfile`, `target`, `build_args` or `platform`.
    fn option(&self, name: &'static str, value: &str) -> String;
    /// A build argument in a list of them.
    fn argument(&self, name: &str, value: &Text) -> String;
    /// A job's name in a comment.
    fn doc(&self, name: &str) -> String;
    /// Adds what the template calls.
    fn helpers(&self, environment: &mut Environment<'_>);
}

fn language(sdk: Sdk) -> &'static dyn Language {
    match sdk {
        Sdk::Python => &python::Python,
        Sdk::TypeScript => &typescript::TypeScript,
        Sdk::Go => &go::Go,
    }
}

/// The files of the module, by path from the root of the repository; `inputs` are the functions whose outputs a function takes.
pub(super) fn files<'a>(
    sdk: Sdk,
    forms: impl Iterator<Item = &'a Form>,
    inputs: &BTreeMap<String, BTreeSet<String>>,
) -> BTreeMap<String, String> {
    let language = language(sdk);
    let mut seen = BTreeSet::new();
    let forms: Vec<&Form> = forms.filter(|form| seen.insert(form.function.clone())).collect();
    let mut jobs: Vec<Job> = forms.iter().map(|form| Job::of(form, language)).collect();
    let together = run_together(&forms, &mut jobs, inputs, language);
    shared_scripts(&mut jobs);
    let images = shared_images(&forms, &mut jobs, language);
    let builds = || jobs.iter().flat_map(|job| &job.builds);
    let module = Module {
        run: language.block(RUN),
        has_secrets: jobs.iter().any(|job| !job.secrets.is_empty()),
        has_secret_parameters: forms.iter().any(|form| form.parameters.values().any(|parameter| parameter.secret)),
        has_scripts: jobs.iter().any(|job| job.builds.is_empty()),
        has_outputs: jobs.iter().any(|job| !job.include.is_empty()),
        has_login: jobs.iter().any(|job| !job.registry.is_empty()),
        has_caches: jobs.iter().any(|job| !job.caches.is_empty()),
        has_plain: builds().any(|build| build.plain && !build.addresses.is_empty()),
        has_platform: builds().any(|build| !build.platforms.is_empty()),
        has_several_platforms: builds().any(|build| build.platforms.len() > 1),
        publishes_several_platforms: builds().any(|build| build.platforms.len() > 1 && !build.addresses.is_empty()),
        takes: together.iter().any(|&index| !jobs[index].takes.is_empty()),
        together: together.into_iter().map(|index| &jobs[index]).collect(),
        shared_images: images,
        jobs: &jobs,
    };
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    language.helpers(&mut environment);
    let (path, template) = language.main();
    let module = minijinja::value::Serde(&module);
    let main = environment.render_str(template, module).expect("the template is given what it names").trim_end().to_owned() + "\n";
    let manifest = serde_json::json!({"name": "ci", "engineVersion": ENGINE, "sdk": {"source": language.name()}, "source": "."});
    let manifest = serde_json::to_string_pretty(&manifest).expect("a text");
    let mut files: BTreeMap<String, String> =
        language.files().iter().map(|(path, text)| (format!("{FOLDER}/{path}"), (*text).to_owned())).collect();
    files.insert(format!("{FOLDER}/dagger.json"), manifest + "\n");
    files.insert(format!("{FOLDER}/{path}"), main);
    files
}

/// What the template is given.
#[derive(Serialize)]
struct Module<'a> {
    jobs: &'a [Job],
    /// The images that several jobs run in.
    shared_images: Vec<SharedImage>,
    /// The script that runs scripts.
    run: String,
    has_secrets: bool,
    has_secret_parameters: bool,
    has_scripts: bool,
    has_outputs: bool,
    has_login: bool,
    has_caches: bool,
    has_plain: bool,
    has_platform: bool,
    has_several_platforms: bool,
    publishes_several_platforms: bool,
    /// The jobs that one function runs together, each after those whose outputs it takes.
    together: Vec<&'a Job>,
    /// Whether one of them takes outputs.
    takes: bool,
}

/// A job as the template has it: its texts are code.
#[derive(Serialize)]
struct Job {
    name: String,
    constant: String,
    after_constant: String,
    title: String,
    script: String,
    after_script: String,
    command: Vec<String>,
    parameters: Vec<String>,
    inner_parameters: Vec<String>,
    /// The arguments of the inner function in a function.
    arguments: Vec<String>,
    /// The arguments of the inner function besides the source where nobody gives any.
    defaults: Vec<String>,
    variables: Vec<String>,
    secrets: Vec<String>,
    registry: Vec<String>,
    image: String,
    /// The name of the helper that gives its container; empty where the image is its own.
    helper: String,
    folder: String,
    caches: Vec<Volume>,
    services: Vec<Beside>,
    builds: Vec<Image>,
    logins: Vec<[String; 3]>,
    include: Vec<String>,
    exclude: Vec<String>,
    repeatable: bool,
    /// Whether one function runs it with others, with nothing given but the files.
    together: bool,
    /// The name of what holds its result where the jobs run together.
    result: String,
    /// The name of what holds its outputs where others take them; empty where nobody does.
    outputs: String,
    /// The names of what holds the outputs that it takes.
    takes: Vec<String>,
}

/// An image that several jobs run in.
#[derive(Serialize)]
struct SharedImage {
    /// The helper's name.
    name: String,
    /// The image's.
    image: String,
}

#[derive(Serialize)]
struct Volume {
    path: String,
    key: String,
}

#[derive(Serialize)]
struct Beside {
    image: String,
    names: Vec<String>,
    ports: Vec<u16>,
    variables: Vec<[String; 2]>,
    command: Vec<String>,
    entrypoint: Vec<String>,
    /// The name of the volume of a Docker daemon; empty for other services.
    storage: String,
}

#[derive(Serialize)]
struct Image {
    /// The folder of the context from the checkout; empty for the checkout.
    context: String,
    /// Options besides the platform.
    options: Vec<String>,
    /// The option for one platform.
    platform: Vec<String>,
    platforms: Vec<String>,
    arguments: Vec<String>,
    labels: Vec<[String; 2]>,
    addresses: Vec<String>,
    plain: bool,
}

impl Job {
    fn of(form: &Form, language: &dyn Language) -> Self {
        let name: Vec<String> = form.function.split('-').map(str::to_owned).collect();
        let [constant, after_constant] = language.constants(&name);
        let identifier = |variable: &str| language.parameter(&words(variable));
        let mut parameters: Vec<(String, &Parameter)> =
            form.parameters.iter().map(|(variable, parameter)| (identifier(variable), parameter)).collect();
        parameters.sort_by_key(|(_, parameter)| !parameter.required);
        let own = form.names_folder.then(|| language.parameter(&["ci", "project", "dir"].map(str::to_owned)));
        let declared: Vec<[String; 2]> = parameters
            .iter()
            .map(|(name, parameter)| language.declared(name, parameter))
            .chain(own.iter().map(|name| language.declared_folder(name)))
            .collect();
        let folder = own.clone().unwrap_or_else(|| language.folder().to_owned());
        let secret = |name: &&String| form.parameters.get(*name).is_some_and(|parameter| parameter.secret);
        let given = |name: &String| match form.parameters.get(name) {
            Some(parameter) => language.given(name, &identifier(name), parameter),
            None => language.set(name, &identifier(name)),
        };
        let constants = [("CI", language.string("true")), ("GITLAB_CI", language.string("true")), ("CI_PROJECT_DIR", folder.clone())];
        let address = form.has_daemon().then(|| ("DOCKER_HOST", language.string(ADDRESS)));
        let constants = constants.iter().chain(&address).map(|(name, value)| language.set(name, value));
        let (include, exclude, always) = match &form.outputs {
            Some(Outputs { paths, exclude, always }) => {
                let code = always.then(|| language.string(".exit-code"));
                let texts = |texts: &[Text]| texts.iter().map(|text| language.text(text)).collect::<Vec<_>>();
                (texts(paths).into_iter().chain(code).collect(), texts(exclude), *always)
            }
            None => (Vec::new(), Vec::new(), false),
        };
        let has_after = !form.after_script.trim().is_empty();
        let empty = language.string("");
        let command = vec![
            constant.clone(),
            if has_after { after_constant.clone() } else { empty.clone() },
            if always { language.string(".exit-code") } else { empty },
        ];
        let login = |variable: &str| {
            let parameter = form.parameters.get(variable).cloned().unwrap_or_default();
            language.maybe(&identifier(variable), &parameter)
        };
        let mut arguments: Vec<String> = parameters.iter().map(|(name, _)| name.clone()).collect();
        arguments.extend(own.clone());
        let otherwise = parameters.iter().filter_map(|(_, parameter)| language.otherwise(parameter));
        let own_otherwise = own.as_ref().and_then(|_| {
            let folder = Parameter { default: Some(String::new()), ..Parameter::default() };
            language.otherwise(&folder).map(|_| language.folder().to_owned())
        });
        Self {
            title: format!("The job {}.", language.doc(&form.job)),
            script: language.block(&form.script),
            after_script: if has_after { language.block(&form.after_script) } else { String::new() },
            command,
            parameters: declared.iter().map(|[outer, _]| outer.clone()).collect(),
            inner_parameters: declared.into_iter().map(|[_, inner]| inner).collect(),
            arguments,
            defaults: otherwise.chain(own_otherwise).collect(),
            variables: constants.chain(form.environment.iter().filter(|name| !secret(name)).map(given)).collect(),
            secrets: form.environment.iter().filter(secret).map(given).collect(),
            registry: form.registry.iter().flat_map(|registry| registry.variables()).map(login).collect(),
            image: language.text(&form.image),
            helper: String::new(),
            caches: form
                .caches
                .iter()
                .map(|cache| Volume { path: language.below(&folder, &cache.path), key: language.text(&cache.key) })
                .collect(),
            services: form.services.iter().map(|service| Beside::of(service, language)).collect(),
            builds: form.builds.iter().map(|build| Image::of(build, language)).collect(),
            logins: form
                .logins
                .iter()
                .map(|login| [language.text_among(&login.registry), language.text_among(&login.user), identifier(&login.password)])
                .collect(),
            include,
            exclude,
            repeatable: form.repeatable,
            together: form.repeatable && form.parameters.values().all(|parameter| parameter.default.is_some()),
            result: language.parameter(&[name.as_slice(), &["job".to_owned()]].concat()),
            outputs: String::new(),
            takes: Vec::new(),
            folder,
            name: language.function(&name),
            constant,
            after_constant,
        }
    }
}

impl Beside {
    fn of(service: &Service, language: &dyn Language) -> Self {
        Self {
            image: language.text(&service.image),
            names: service.names.iter().map(|name| language.string(name)).collect(),
            ports: service.ports.clone(),
            variables: service.variables.iter().map(|(name, value)| [language.string(name), language.text_among(value)]).collect(),
            command: service.command.iter().map(|word| language.string(word)).collect(),
            entrypoint: service.entrypoint.iter().flatten().map(|word| language.string(word)).collect(),
            storage: service.daemon.as_ref().map(|daemon| language.text(&daemon.storage)).unwrap_or_default(),
        }
    }
}

impl Image {
    fn of(build: &Build, language: &dyn Language) -> Self {
        let file = build.file.iter().map(|file| ("dockerfile", language.string(file)));
        let target = build.target.iter().map(|target| ("target", language.text(target)));
        let mut options: Vec<String> = file.chain(target).map(|(name, value)| language.option(name, &value)).collect();
        options.extend((!build.arguments.is_empty()).then(|| language.option("build_args", "")));
        let platform = match build.platforms.as_slice() {
            [only] => vec![language.option("platform", &language.string(only))],
            [] | [_, _, ..] => Vec::new(),
        };
        Self {
            options,
            platform,
            platforms: build.platforms.iter().map(|platform| language.string(platform)).collect(),
            arguments: build.arguments.iter().map(|(name, value)| language.argument(name, value)).collect(),
            labels: build.labels.iter().map(|(name, value)| [language.string(name), language.text_among(value)]).collect(),
            addresses: build.addresses.iter().map(|address| language.text(address)).collect(),
            plain: build.plain,
            context: if build.context.is_empty() { String::new() } else { language.string(&build.context) },
        }
    }
}

/// Python's and TypeScript's escapes in a literal between `quote`s.
fn escaped(text: &str, quote: char) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        match letter {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if letter == quote => out.extend(['\\', letter]),
            _ if letter.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(letter))),
            _ => out.push(letter),
        }
    }
    out
}
