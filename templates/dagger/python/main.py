"""The jobs of a GitLab pipeline as Dagger Functions."""

from typing import Annotated

import dagger
from dagger import DefaultPath, Doc, Ignore, dag, function, object_type

# git's configuration may hold the job's token.
Checkout = Annotated[
    dagger.Directory,
    DefaultPath("/"),
    Ignore([".git/config", ".git/**/config"]),
    Doc("The files that the job works on"),
]
{%- if has_scripts %}

# Where a job's script runs.
FOLDER = "/builds/project"

# Runs scripts as GitLab Runner does: in bash where the image has it, otherwise in sh;
# the first command that fails ends the script; after_script runs in any case.
# With the name of a file the code goes there, so that what is left behind comes out.
RUN = """\
shell() {
  if command -v bash > /dev/null; then
    bash -eo pipefail -c "$1"
  else
    sh -c "if set -o | grep -q pipefail; then set -o pipefail; fi; set -e
$1"
  fi
}
code=0
shell "$1" || code=$?
if [ -n "$2" ]; then
  if [ $code = 0 ]; then CI_JOB_STATUS=success; else CI_JOB_STATUS=failed; fi
  export CI_JOB_STATUS
  shell "$2" || true
fi
if [ -n "$3" ]; then
  echo $code > "$3"
  exit 0
fi
exit $code
"""
{% for job in jobs if not job.builds %}
{{ job.constant }} = {{ job.script }}
{%- if job.after_script %}
{{ job.constant }}_AFTER = {{ job.after_script }}
{%- endif %}
{%- endfor %}


def with_variables(
    job: dagger.Container, variables: dict[str, str | None]
) -> dagger.Container:
    """Sets the variables that have a value."""
    for name, value in variables.items():
        if value is not None:
            job = job.with_env_variable(name, value)
    return job
{%- endif %}
{%- if has_secrets %}


def with_secrets(
    job: dagger.Container, secrets: dict[str, dagger.Secret | None]
) -> dagger.Container:
    """Sets the secret variables that are given."""
    for name, secret in secrets.items():
        if secret is not None:
            job = job.with_secret_variable(name, secret)
    return job
{%- endif %}
{%- if has_login %}


def with_login(
    job: dagger.Container,
    registry: str | None,
    user: str | None,
    password: dagger.Secret | None,
) -> dagger.Container:
    """Logs in to the registry of an image, where credentials are given."""
    if registry and user and password:
        job = job.with_registry_auth(registry, user, password)
    return job
{%- endif %}


@object_type
class Ci:
    """The jobs of a GitLab pipeline."""
{%- macro container(job) %}
{{ layout(8, "variables: dict[str, str | None] = {", job.variables, "}", true) }}
{%- if job.secrets %}
{{ layout(8, "secrets: dict[str, dagger.Secret | None] = {", job.secrets, "}", true) }}
{%- endif %}
{%- if job.registry %}
        job = dag.container()
{{ layout(8, "job = with_login(", ["job"] + job.registry, ")") }}
{{ layout(8, "job = job.from_(", [job.image], ")") }}
{%- else %}
{{ layout(8, "job = dag.container().from_(", [job.image], ")") }}
{%- endif %}
        user = await job.user()
        job = job.with_directory({{ job.folder }}, source, owner=user)
        job = job.with_workdir({{ job.folder }})
{%- for cache in job.caches %}
{{ layout(8, "volume = dag.cache_volume(", [cache.key], ")") }}
{{ layout(8, "job = job.with_mounted_cache(", [cache.path, "volume", "sharing=dagger.CacheSharingMode.LOCKED", "owner=user"], ")") }}
{%- endfor %}
{%- for service in job.services %}
{{ layout(8, "service = dag.container().from_(", [service.image], ")") }}
        service = with_variables(service, variables)
{%- if job.secrets %}
        service = with_secrets(service, secrets)
{%- endif %}
{%- for variable in service.variables %}
{{ layout(8, "service = service.with_env_variable(", variable, ")") }}
{%- endfor %}
{%- if service.entrypoint %}
{{ layout(8, "service = service.with_entrypoint([", service.entrypoint, "])") }}
{%- endif %}
{%- for port in service.ports %}
        service = service.with_exposed_port({{ port }})
{%- endfor %}
{%- if service.command %}
{{ layout(8, "arguments = [", service.command, "]") }}
        running = service.as_service(args=arguments, use_entrypoint=True)
{%- else %}
        running = service.as_service(use_entrypoint=True)
{%- endif %}
{%- for name in service.names %}
{{ layout(8, "job = job.with_service_binding(", [name, "running"], ")") }}
{%- endfor %}
{%- endfor %}
        job = with_variables(job, variables)
{%- if job.secrets %}
        job = with_secrets(job, secrets)
{%- endif %}
{%- endmacro %}
{%- macro outputs(job) %}
{{ layout(8, "include = [", job.include, "]") }}
{%- if job.exclude %}
{{ layout(8, "exclude = [", job.exclude, "]") }}
{%- endif %}
        files = job.directory(".")
{{ layout(8, "return dag.directory().with_directory(", ['"/"', "files", "include=include"] + (["exclude=exclude"] if job.exclude else []), ")") }}
{%- endmacro %}
{%- macro run(job, result) %}
{{ layout(8, "command = [", job.command, "]") }}
{{ layout(8, result ~ "job.with_exec(", ["command"], ")") }}
{%- endmacro %}
{%- macro images(job) %}
        published: list[str] = []
{%- for build in job.builds %}
        context = {{ build.context }}
{%- if build.arguments %}
{{ layout(8, "build_args = [", build.arguments, "]") }}
{%- endif %}
{%- if build.platforms | length > 1 %}
{{ layout(8, "platforms = [", build.platforms, "]") }}
        variants = [
{{ layout(12, "context.docker_build(", build.options + ["platform=dagger.Platform(platform)"], ")") }}
            for platform in platforms
        ]
        image = dag.container()
{%- else %}
{{ layout(8, "image = context.docker_build(", build.options + build.platform, ")") }}
{%- endif %}
{%- for label in build.labels %}
{{ layout(8, "image = image.with_label(", label, ")") }}
{%- endfor %}
{%- if build.addresses %}
{%- for login in job.logins %}
{{ layout(8, "image = image.with_registry_auth(", login, ")") }}
{%- endfor %}
{{ layout(8, "addresses = [", build.addresses, "]") }}
        for address in addresses:
{{ layout(12, "digest = await image.publish(", ["address"] + (["platform_variants=variants"] if build.platforms | length > 1 else []) + (["media_types=dagger.ImageMediaTypes.DockerMediaTypes"] if build.plain else []), ")") }}
            published.append(digest)
{%- elif build.platforms | length > 1 %}
        for variant in variants:
            await variant.sync()
{%- else %}
        await image.sync()
{%- endif %}
{%- endfor %}
        return published
{%- endmacro %}
{%- for job in jobs %}
{%- if job.together %}

{{ layout(4, "async def _" ~ job.name ~ "(", job.inner_parameters, ") -> dagger." ~ ("Directory" if job.include else "Container") ~ ":") }}
{{- container(job) }}
{%- if job.include %}
{{- run(job, "job = ") }}
{{- outputs(job) }}
{%- else %}
{{- run(job, "return ") }}
{%- endif %}
{%- endif %}
{%- if job.repeatable %}

    @function
{%- else %}

    @function(cache="never")  # type: ignore[call-overload, untyped-decorator]
{%- endif %}
{{ layout(4, "async def " ~ job.name ~ "(", job.parameters, ") -> " ~ ("list[str]" if job.builds else "dagger.Directory" if job.include else "dagger.Container") ~ ":") }}
        """{{ job.title }}"""
{%- if job.builds %}
{{- images(job) }}
{%- elif job.together %}
{{ layout(8, "return await self._" ~ job.name ~ "(", job.arguments, ")") }}
{%- else %}
{{- container(job) }}
{%- if job.include %}
{{- run(job, "job = ") }}
{{- outputs(job) }}
{%- else %}
{{- run(job, "return ") }}
{%- endif %}
{%- endif %}
{%- endfor %}
{%- if together %}

    @function
    async def all(self, source: Checkout) -> None:
        """Runs the jobs that build and test, one after the other."""
{%- for job in together %}
{%- if job.include %}
        outputs = await self._{{ job.name }}(source)
        source = source.with_directory("/", outputs)
{%- else %}
        await (await self._{{ job.name }}(source)).sync()
{%- endif %}
{%- endfor %}
{%- endif %}
