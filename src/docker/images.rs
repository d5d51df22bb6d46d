//! The images that an operation names, from its flags and positionals.

use super::attributes::{Attributes, Field};
use super::operation::{Flag, ImageUse, Op, Operation, Role, Slot, Tool};

/// All images of `operation`; `by_flag` says which flags name images.
#[must_use]
pub fn uses(operation: &Operation, by_flag: &[(&str, Role)]) -> Vec<ImageUse> {
    let mut images = Vec::new();
    for flag in &operation.flags {
        if let Some(&(_, role)) = by_flag.iter().find(|(name, _)| *name == flag.name) {
            images.extend(in_flag(operation, flag, role));
        }
    }
    for positional in &operation.positionals {
        if let Slot::Image(role) = positional.slot {
            images.extend(in_transport(&positional.text, role, positional.arg, Some(0), operation.tool));
        }
    }
    if matches!(operation.op, Op::Build) && operation.pushes() == Some(true) {
        let built = images.iter().filter(|image| image.role == Role::Built);
        let pushed: Vec<_> = built.map(|image| ImageUse { role: Role::Pushed, ..image.clone() }).collect();
        images.extend(pushed);
    }
    if let [ImageUse { role: role @ Role::Source, .. }] = images.as_mut_slice() {
        alone(operation, role);
    }
    images
}

/// `buildah push IMAGE` pushes its only image; with two, the first one is a source.
fn alone(operation: &Operation, role: &mut Role) {
    if operation.op == Op::Push && matches!(operation.tool, Tool::Buildah | Tool::Podman) && operation.slot(Slot::Path).next().is_none() {
        *role = Role::Pushed;
    }
}

fn in_flag(operation: &Operation, flag: &Flag, role: Role) -> Vec<ImageUse> {
    let (Some(value), Some((arg, start))) = (flag.value.as_deref(), flag.value_at) else { return Vec::new() };
    let at = Some(start);
    match flag.name {
        "cache-from" | "cache-to" => in_cache(value, role, arg, start),
        "output" => in_output(value, role, arg, start),
        "build-context" => in_build_context(value, role, arg, start),
        _ => in_transport(value, role, arg, at, operation.tool).into_iter().collect(),
    }
}

fn image(role: Role, field: &Field, arg: usize, start: usize) -> ImageUse {
    ImageUse { role, text: field.value.clone(), transport: None, arg, at: field.at.map(|at| start + at) }
}

/// A cache is an image if it has no keys or if its type is `registry` (`buildx/util/buildflags/cache.go`).
fn in_cache(value: &str, role: Role, arg: usize, start: usize) -> Vec<ImageUse> {
    let Some(attributes) = Attributes::parse(value) else { return Vec::new() };
    if attributes.is_bare() {
        return attributes.fields.iter().filter(|field| !field.value.is_empty()).map(|field| image(role, field, arg, start)).collect();
    }
    let in_registry = attributes.get("type") == Some("registry");
    attributes.field("ref").filter(|_| in_registry).map(|field| image(role, field, arg, start)).into_iter().collect()
}

/// `type=image,name=app:1` gives names as `--tag` does; several are separated by commas inside of quotes.
fn in_output(value: &str, role: Role, arg: usize, start: usize) -> Vec<ImageUse> {
    let attributes = Attributes::output(value).filter(|output| matches!(output.get("type"), Some("image" | "registry" | "docker" | "oci")));
    let Some(field) = attributes.as_ref().and_then(|output| output.field("name")) else { return Vec::new() };
    let names = field.value.split(',').filter(|name| !name.is_empty());
    let at = field.at.filter(|_| !field.value.contains(',')).map(|at| start + at);
    names.map(|name| ImageUse { role, text: name.to_owned(), transport: None, arg, at }).collect()
}

/// `--build-context name=docker-image://alpine` replaces a base image.
fn in_build_context(value: &str, role: Role, arg: usize, start: usize) -> Vec<ImageUse> {
    const SCHEME: &str = "=docker-image://";
    let Some((name, text)) = value.split_once(SCHEME) else { return Vec::new() };
    let at = Some(start + name.len() + SCHEME.len());
    vec![ImageUse { role, text: text.to_owned(), transport: None, arg, at }]
}

/// Takes the transport off `docker://app:1` (`containers-transports(5)`); archives and folders are no images.
fn in_transport(text: &str, role: Role, arg: usize, at: Option<usize>, tool: Tool) -> Option<ImageUse> {
    let plain = |text: &str| Some(ImageUse { role, text: text.to_owned(), transport: None, arg, at });
    if !matches!(tool, Tool::Skopeo | Tool::Buildah | Tool::Podman) {
        return plain(text);
    }
    let inner = |prefix: &str| text.strip_prefix(prefix).map(|inner| (inner.to_owned(), at.map(|at| at + prefix.len())));
    if let Some((text, at)) = inner("docker://") {
        return Some(ImageUse { role, text, transport: None, arg, at });
    }
    for transport in ["docker-daemon", "containers-storage"] {
        if let Some((text, at)) = inner(&format!("{transport}:")) {
            return Some(ImageUse { role, text, transport: Some(transport.to_owned()), arg, at });
        }
    }
    let elsewhere = ["dir:", "oci:", "oci-archive:", "docker-archive:", "sif:", "ostree:", "tarball:"];
    if elsewhere.iter().any(|transport| text.starts_with(transport)) { None } else { plain(text) }
}
