# Sourced by bin/image-build: writes images in the layout of OCI, which set `layout` to a folder.
# The same files give the same bytes. A descriptor is the JSON text by which one blob names another.
# shellcheck shell=bash

oci=application/vnd.oci.image

# Moves the file $2, of media type $1, among the blobs, and prints its descriptor.
oci_blob() {
  local digest size
  digest=$(sha256sum "$2" | cut -d ' ' -f 1)
  size=$(stat -c %s "$2")
  mkdir -p "$layout/blobs/sha256"
  mv "$2" "$layout/blobs/sha256/$digest"
  jq -cn --arg type "$1" --arg digest "sha256:$digest" --argjson size "$size" \
    '{mediaType: $type, digest: $digest, size: $size}'
}

# Archives the files below the folder $1, as files of root and of the time in SOURCE_DATE_EPOCH.
oci_tar() {
  tar --create --format=gnu --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 \
    --numeric-owner --directory "$1" .
}

# Makes a layer of the folder $1, compressed at level $2. Prints {name, id, descriptor}: the id is the
# digest of the archive, the descriptor that of the compressed one.
oci_layer() {
  local archive blob id
  archive=$(mktemp "$layout/layer.XXXXXX")
  blob=$(mktemp "$layout/layer.XXXXXX")
  oci_tar "$1" >"$archive"
  id=$(sha256sum "$archive" | cut -d ' ' -f 1)
  gzip "-$2" --no-name <"$archive" >"$blob"
  rm "$archive"
  jq -cn --arg name "$(basename "$1")" --arg id "sha256:$id" \
    --argjson descriptor "$(oci_blob $oci.layer.v1.tar+gzip "$blob")" \
    '{name: $name, id: $id, descriptor: $descriptor}'
}

# Writes an image for an architecture ($1) that runs by a configuration ($2, in JSON, with labels),
# of the layers on the standard input, lowest first. Prints its descriptor.
oci_image() {
  local layers text
  layers=$(jq -cs .)
  text=$(mktemp "$layout/text.XXXXXX")
  jq -cn --arg architecture "$1" --argjson config "$2" --argjson layers "$layers" \
    '$config.Labels["org.opencontainers.image.created"] as $created
      | {created: $created, architecture: $architecture, os: "linux", config: $config,
         rootfs: {type: "layers", diff_ids: [$layers[].id]},
         history: [$layers[] | {created: $created, created_by: .name}]}' >"$text"
  jq -cn --arg type "$oci.manifest.v1+json" --argjson config "$2" --argjson layers "$layers" \
    --argjson descriptor "$(oci_blob $oci.config.v1+json "$text")" \
    '{schemaVersion: 2, mediaType: $type, config: $descriptor,
      layers: [$layers[].descriptor], annotations: $config.Labels}' >"$text"
  oci_blob $oci.manifest.v1+json "$text" |
    jq -c --arg architecture "$1" '. + {platform: {architecture: $architecture, os: "linux"}}'
}

# Writes an index of the images on the standard input, and prints its descriptor. $1: annotations.
oci_index() {
  local text
  text=$(mktemp "$layout/text.XXXXXX")
  jq -cs --arg type "$oci.index.v1+json" --argjson annotations "$1" \
    '{schemaVersion: 2, mediaType: $type, manifests: ., annotations: $annotations}' >"$text"
  oci_blob $oci.index.v1+json "$text"
}

# Archives the layout with one image, or one index, in it ($2: its descriptor) as the file $1. It is
# called $3, and has the tag $4.
oci_archive() {
  echo '{"imageLayoutVersion":"1.0.0"}' >"$layout/oci-layout"
  jq -cn --arg type "$oci.index.v1+json" --argjson image "$2" --arg name "$3:$4" --arg tag "$4" \
    '{schemaVersion: 2, mediaType: $type, manifests: [$image + {annotations:
      {"io.containerd.image.name": $name, "org.opencontainers.image.ref.name": $tag}}]}' \
    >"$layout/index.json"
  chmod -R u=rwX,go=rX "$layout"
  oci_tar "$layout" >"$1"
}
