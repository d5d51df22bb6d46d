// Package dagger stands in for the package of this name that dagger's code generator makes for a module. It has the part of the API that generated modules
// use, under the names and with the types that the real package has for it, and asks a session for what is called. What the API is, says the schema with
// which the session answers (schema.graphqls).
package dagger

import "context"

// A Platform is a system and an architecture, such as linux/amd64.
type Platform string

type CacheSharingMode string

func (CacheSharingMode) isEnumeration() {}

const (
	CacheSharingModeShared  CacheSharingMode = "SHARED"
	CacheSharingModePrivate CacheSharingMode = "PRIVATE"
	CacheSharingModeLocked  CacheSharingMode = "LOCKED"
)

type ImageMediaTypes string

func (ImageMediaTypes) isEnumeration() {}

const (
	ImageMediaTypesDockerMediaTypes ImageMediaTypes = "DockerMediaTypes"
	ImageMediaTypesDocker           ImageMediaTypes = "DOCKER"
	ImageMediaTypesOci              ImageMediaTypes = "OCI"
)

type BuildArg struct {
	Name  string
	Value string
}

type Client struct{ *chain }

// Connect gives the client of the session that DAGGER_SESSION_PORT and DAGGER_SESSION_TOKEN name.
func Connect() *Client {
	return &Client{}
}

func (r *Client) Container() *Container {
	return &Container{r.then("container")}
}

func (r *Client) Directory() *Directory {
	return &Directory{r.then("directory")}
}

func (r *Client) CacheVolume(key string) *CacheVolume {
	return &CacheVolume{r.then("cacheVolume", argument{"key", key})}
}

func (r *Client) SetSecret(name string, plaintext string) *Secret {
	return &Secret{r.then("setSecret", argument{"name", name}, argument{"plaintext", plaintext})}
}

type CacheVolume struct{ *chain }

type Secret struct{ *chain }

type Service struct{ *chain }

type Directory struct{ *chain }

func (r *Directory) Sync(ctx context.Context) (*Directory, error) {
	_, err := ask[string](ctx, r.then("sync"))
	return r, err
}

func (r *Directory) Directory(path string) *Directory {
	return &Directory{r.then("directory", argument{"path", path})}
}

type DirectoryDockerBuildOpts struct {
	Dockerfile string
	Platform   Platform
	BuildArgs  []BuildArg
	Target     string
	Secrets    []*Secret
	NoInit     bool
}

func (r *Directory) DockerBuild(opts ...DirectoryDockerBuildOpts) *Container {
	return &Container{r.then("dockerBuild", and(opts)...)}
}

type DirectoryWithDirectoryOpts struct {
	Exclude     []string
	Include     []string
	Gitignore   bool
	Owner       string
	Permissions int
}

func (r *Directory) WithDirectory(path string, source *Directory, opts ...DirectoryWithDirectoryOpts) *Directory {
	return &Directory{r.then("withDirectory", and(opts, argument{"path", path}, argument{"source", source})...)}
}

type DirectoryWithNewFileOpts struct{ Permissions int }

func (r *Directory) WithNewFile(path string, contents string, opts ...DirectoryWithNewFileOpts) *Directory {
	return &Directory{r.then("withNewFile", and(opts, argument{"path", path}, argument{"contents", contents})...)}
}

type Container struct{ *chain }

func (r *Container) Sync(ctx context.Context) (*Container, error) {
	_, err := ask[string](ctx, r.then("sync"))
	return r, err
}

func (r *Container) User(ctx context.Context) (string, error) {
	return ask[string](ctx, r.then("user"))
}

func (r *Container) From(address string) *Container {
	return &Container{r.then("from", argument{"address", address})}
}

type ContainerDirectoryOpts struct{ Expand bool }

func (r *Container) Directory(path string, opts ...ContainerDirectoryOpts) *Directory {
	return &Directory{r.then("directory", and(opts, argument{"path", path})...)}
}

type ContainerAsServiceOpts struct {
	Args                          []string
	UseEntrypoint                 bool
	ExperimentalPrivilegedNesting bool
	InsecureRootCapabilities      bool
	Expand                        bool
	NoInit                        bool
}

func (r *Container) AsService(opts ...ContainerAsServiceOpts) *Service {
	return &Service{r.then("asService", and(opts)...)}
}

type ContainerPublishOpts struct {
	PlatformVariants []*Container
	MediaTypes       ImageMediaTypes
}

func (r *Container) Publish(ctx context.Context, address string, opts ...ContainerPublishOpts) (string, error) {
	return ask[string](ctx, r.then("publish", and(opts, argument{"address", address})...))
}

type ContainerWithDirectoryOpts struct {
	Exclude     []string
	Include     []string
	Gitignore   bool
	Owner       string
	Expand      bool
	Permissions int
}

func (r *Container) WithDirectory(path string, source *Directory, opts ...ContainerWithDirectoryOpts) *Container {
	return &Container{r.then("withDirectory", and(opts, argument{"path", path}, argument{"source", source})...)}
}

type ContainerWithEntrypointOpts struct{ KeepDefaultArgs bool }

func (r *Container) WithEntrypoint(args []string, opts ...ContainerWithEntrypointOpts) *Container {
	return &Container{r.then("withEntrypoint", and(opts, argument{"args", args})...)}
}

type ContainerWithEnvVariableOpts struct{ Expand bool }

func (r *Container) WithEnvVariable(name string, value string, opts ...ContainerWithEnvVariableOpts) *Container {
	return &Container{r.then("withEnvVariable", and(opts, argument{"name", name}, argument{"value", value})...)}
}

type ContainerWithExecOpts struct {
	UseEntrypoint                 bool
	Stdin                         string
	RedirectStdout                string
	RedirectStderr                string
	ExperimentalPrivilegedNesting bool
	InsecureRootCapabilities      bool
	Expand                        bool
	NoInit                        bool
}

func (r *Container) WithExec(args []string, opts ...ContainerWithExecOpts) *Container {
	return &Container{r.then("withExec", and(opts, argument{"args", args})...)}
}

type ContainerWithExposedPortOpts struct {
	Description                 string
	ExperimentalSkipHealthcheck bool
}

func (r *Container) WithExposedPort(port int, opts ...ContainerWithExposedPortOpts) *Container {
	return &Container{r.then("withExposedPort", and(opts, argument{"port", port})...)}
}

func (r *Container) WithLabel(name string, value string) *Container {
	return &Container{r.then("withLabel", argument{"name", name}, argument{"value", value})}
}

type ContainerWithMountedCacheOpts struct {
	Source  *Directory
	Sharing CacheSharingMode
	Owner   string
	Expand  bool
}

func (r *Container) WithMountedCache(path string, cache *CacheVolume, opts ...ContainerWithMountedCacheOpts) *Container {
	return &Container{r.then("withMountedCache", and(opts, argument{"path", path}, argument{"cache", cache})...)}
}

func (r *Container) WithRegistryAuth(address string, username string, secret *Secret) *Container {
	return &Container{r.then("withRegistryAuth", argument{"address", address}, argument{"username", username}, argument{"secret", secret})}
}

func (r *Container) WithSecretVariable(name string, secret *Secret) *Container {
	return &Container{r.then("withSecretVariable", argument{"name", name}, argument{"secret", secret})}
}

func (r *Container) WithServiceBinding(alias string, service *Service) *Container {
	return &Container{r.then("withServiceBinding", argument{"alias", alias}, argument{"service", service})}
}

type ContainerWithWorkdirOpts struct{ Expand bool }

func (r *Container) WithWorkdir(path string, opts ...ContainerWithWorkdirOpts) *Container {
	return &Container{r.then("withWorkdir", and(opts, argument{"path", path})...)}
}
