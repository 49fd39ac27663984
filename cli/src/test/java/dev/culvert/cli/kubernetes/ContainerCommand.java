// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kubernetes;

import com.fasterxml.jackson.databind.JsonNode;
import dev.culvert.cli.kit.Culvert;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.StreamSupport;

/**
 * The command that runs a container as a container runtime does, with the classes under test as its
 * image: the arguments, variables, capabilities and volumes of its Pod and no others, and a
 * read-only root. A field of the Pod that this does not know is an error, and not left out.
 */
final class ContainerCommand {
  /**
   * In mounts of its own, which {@code ip netns exec} gives it: mounts SOURCE TARGET MODE for each
   * volume, up to a dash, then runs the rest.
   */
  private static final String RUNTIME =
      """
      set -eu
      mount --make-rprivate /
      # Targets of mounts are made in layers of this container.
      mount -t tmpfs tmpfs /mnt
      mkdir /mnt/volumes /mnt/run
      mounted=0
      while [ "$1" != - ]; do
        mounted=$((mounted + 1))
        mkdir "/mnt/volumes/$mounted"
        mount --bind "$1" "/mnt/volumes/$mounted"
        eval "target_$mounted=\\$2 mode_$mounted=\\$3"
        shift 3
      done
      shift
      for folder in etc var/lib; do
        mkdir -p "/mnt/upper/$folder" "/mnt/work/$folder"
        mount -t overlay overlay -o "lowerdir=/$folder,upperdir=/mnt/upper/$folder,workdir=/mnt/work/$folder" "/$folder"
      done
      mount --bind /mnt/run /run
      for i in $(seq "$mounted"); do
        eval "target=\\$target_$i mode=\\$mode_$i"
        mkdir -p "$target"
        mount --bind "/mnt/volumes/$i" "$target"
        [ "$mode" != ro ] || mount -o remount,bind,ro "$target"
      done
      mount --bind /proc/sys /proc/sys
      for folder in / /etc /var/lib /run /proc/sys; do mount -o remount,bind,ro "$folder"; done
      if touch /written /etc/written /run/written 2>/dev/null; then
        echo "the root is not read-only" >&2
        exit 1
      fi
      exec "$@"
      """;

  private static final String ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

  private final JsonNode pod;
  private final Path machine;
  private final Path own;
  private final Path account;

  /**
   * For the containers of a Pod.
   *
   * @param machine the folder that stands for the root of its node
   * @param own a new folder for the Pod's own files
   * @param account the folder with the token of its service account
   */
  ContainerCommand(JsonNode pod, Path machine, Path own, Path account) {
    this.pod = pod;
    this.machine = machine;
    this.own = own;
    this.account = account;
  }

  List<String> of(JsonNode container) {
    List<String> command = new ArrayList<>(List.of("bash", "-c", RUNTIME, "runtime"));
    for (JsonNode mount : container.path("volumeMounts")) {
      volume(mount.path("name").asText(), mount, command);
    }
    command.addAll(List.of(account.toString(), ACCOUNT, "ro"));
    // The classes are the image's: a checkout may be below a path that a volume hides, as /tmp.
    String checkout = Culvert.launcher("").toAbsolutePath().normalize().toString();
    command.addAll(List.of(checkout, checkout, "ro", "-"));
    command.addAll(List.of("env", "-i", "PATH=" + System.getenv("PATH")));
    for (JsonNode variable : container.path("env")) {
      command.add(variable.path("name").asText() + "=" + value(variable));
    }
    command.addAll(rights(container.path("securityContext")));
    command.addAll(
        Culvert.command(
            StreamSupport.stream(container.path("args").spliterator(), false)
                .map(JsonNode::asText)
                .toArray(String[]::new)));
    return command;
  }

  private String value(JsonNode variable) {
    JsonNode from = variable.path("valueFrom");
    if (from.isMissingNode()) {
      return variable.path("value").asText();
    }
    if (from.at("/fieldRef/fieldPath").asText().equals("spec.nodeName")) {
      return pod.at("/spec/nodeName").asText();
    }
    throw new IllegalStateException("a variable of an unknown source: " + variable);
  }

  /** The capabilities that the container keeps; all others are out of reach. */
  private static List<String> rights(JsonNode context) {
    if (context.path("privileged").asBoolean()
        || context.path("allowPrivilegeEscalation").asBoolean(true)
        || !context.path("readOnlyRootFilesystem").asBoolean()
        || !context.at("/capabilities/drop").toString().equals("[\"ALL\"]")) {
      throw new IllegalStateException("a container with too many rights: " + context);
    }
    StringBuilder kept = new StringBuilder("-all");
    for (JsonNode capability : context.at("/capabilities/add")) {
      kept.append(",+").append(capability.asText().toLowerCase(Locale.ROOT));
    }
    return List.of("setpriv", "--bounding-set=" + kept, "--inh-caps=-all", "--no-new-privs");
  }

  private void volume(String name, JsonNode mount, List<String> command) {
    for (JsonNode volume : pod.at("/spec/volumes")) {
      if (volume.path("name").asText().equals(name)) {
        JsonNode host = volume.path("hostPath");
        if (host.path("type").asText().equals("CharDevice")) {
          return; // The devices of the machine are the container's.
        }
        Path source =
            host.path("type").asText().equals("DirectoryOrCreate")
                ? machine.resolve("." + host.path("path").asText()).normalize()
                : own.resolve(name);
        if (host.isMissingNode() && volume.path("emptyDir").isMissingNode()) {
          throw new IllegalStateException("a volume of an unknown kind: " + volume);
        }
        make(source);
        command.add(source.toString());
        command.add(mount.path("mountPath").asText());
        command.add(mount.path("readOnly").asBoolean() ? "ro" : "rw");
        return;
      }
    }
    throw new IllegalStateException("no volume is called " + name);
  }

  private static void make(Path folder) {
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
