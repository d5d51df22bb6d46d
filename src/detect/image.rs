//! Images and services of a job: what they are called after expansion, which names services answer to, which of them are Docker daemons.

use crate::detect::variables::{expand, is_open};
use crate::docker::engine_image::{EngineImage, Variant};
use crate::docker::reference::Reference;
use crate::docker::service_names;
use crate::pipeline::{Image, Job};

/// A job's image or service image.
#[derive(Clone, Debug)]
pub struct ImageFacts {
    /// As the pipeline has it.
    pub image: Image,
    /// The name with YAML variables put in; others stay as `${NAME}`.
    pub text: String,
    /// Its parts, where the text has the form of a reference.
    pub reference: Option<Reference>,
    /// What is known of it where it is a Docker image (client or daemon).
    pub docker: Option<EngineImage>,
}

impl ImageFacts {
    pub(super) fn new(job: &Job, image: Image) -> Self {
        let text = expand(job, image.text());
        let reference = Reference::parse(&text);
        let docker = EngineImage::parse(&text);
        Self { image, text, reference, docker }
    }

    /// Whether the official client entrypoint runs before the job's script: an official image whose entrypoint is not overridden.
    #[must_use]
    pub fn runs_docker_entrypoint(&self) -> bool {
        self.docker.as_ref().is_some_and(|docker| docker.official) && self.image.entrypoint().is_none()
    }

    /// The public image that is one program, if it is such.
    #[must_use]
    pub fn program(&self) -> Option<&'static ProgramImage> {
        let (name, _) = self.name_and_tag();
        PROGRAMS.iter().find(|image| name.strip_suffix(image.name).is_some_and(|head| head.is_empty() || head.ends_with('/')))
    }

    /// Name with registry, and tag; the tag is empty where none is written.
    #[must_use]
    pub fn name_and_tag(&self) -> (&str, &str) {
        let text = self.text.split('@').next().unwrap_or_default();
        let slash = text.rfind('/').map_or(0, |at| at + 1);
        match text[slash..].find(':') {
            Some(at) => (&text[..slash + at], &text[slash + at + 1..]),
            None => (text, ""),
        }
    }
}

/// A public image that is one program: its entrypoint, where a job needs a shell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProgramImage {
    /// The end of its name.
    name: &'static str,
    /// The program that the entrypoint runs.
    pub program: &'static str,
    /// The part of a tag without which the image has no shell at all; none for an image that always has one.
    pub shell_tag: Option<&'static str>,
}

/// From the Dockerfiles of depot/cli, moby/buildkit, GoogleContainerTools/kaniko (`deploy/Dockerfile`) and containers/image_build (`skopeo`), and from what
/// GitLab's guide says of BuildKit's `rootless` tags and ko's documentation of images such as crane's.
const PROGRAMS: &[ProgramImage] = &[
    ProgramImage { name: "depot/cli", program: "depot", shell_tag: None },
    ProgramImage { name: "moby/buildkit", program: "buildkitd", shell_tag: None },
    ProgramImage { name: "kaniko-project/executor", program: "executor", shell_tag: Some("debug") },
    ProgramImage { name: "go-containerregistry/crane", program: "crane", shell_tag: Some("debug") },
    ProgramImage { name: "skopeo/stable", program: "skopeo", shell_tag: None },
];

impl ProgramImage {
    /// Whether `image` surely has no shell, by its tag.
    #[must_use]
    pub fn lacks_shell(&self, image: &ImageFacts) -> bool {
        let (_, tag) = image.name_and_tag();
        self.shell_tag.is_some_and(|part| !is_open(tag) && !tag.contains(part) && !image.text.contains('@'))
    }
}

/// A service of a job.
#[derive(Clone, Debug)]
pub struct ServiceFacts {
    /// Its image.
    pub image: ImageFacts,
    /// The host names under which the job reaches it.
    pub names: Vec<String>,
}

impl ServiceFacts {
    pub(super) fn new(job: &Job, image: Image) -> Self {
        let image = ImageFacts::new(job, image);
        let mut names = service_names(&image.text);
        for alias in &image.image.aliases {
            if !names.contains(alias) {
                names.push(alias.clone());
            }
        }
        Self { image, names }
    }

    /// Whether it is a Docker daemon.
    #[must_use]
    pub fn is_dind(&self) -> bool {
        self.image.docker.as_ref().is_some_and(|docker| docker.variant == Variant::Daemon)
    }
}

/// Tags without a version that no longer move: `docker:stable` stayed at 19.03.
#[must_use]
pub fn is_frozen(image: &str) -> bool {
    ["stable", "edge", "test"].iter().any(|tag| image.ends_with(&format!(":{tag}")) || image.contains(&format!(":{tag}-")))
}
