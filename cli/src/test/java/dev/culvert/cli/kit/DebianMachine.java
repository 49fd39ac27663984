// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kit;

import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.Namespace;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * This machine once more, for packages: a mount namespace in which its files lie below a layer that
 * takes all changes, and which goes with the process that holds it. It has empty folders for state,
 * a TUN device that each user may open, as on a Debian machine, and no systemd that runs.
 */
public final class DebianMachine implements AutoCloseable {
  /** The layer is in memory: a package of 50 MB is unpacked into it twice. */
  private static final String MOUNTS =
      """
      mount --make-rprivate /
      mount -t tmpfs -o mode=755 tmpfs /mnt
      mkdir /mnt/upper /mnt/work /mnt/root
      mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work overlay /mnt/root
      for folder in run etc/culvert var/lib/culvert var/cache/culvert var/log/culvert; do
        rm -rf /mnt/root/$folder
      done
      mkdir /mnt/root/run
      mount -t tmpfs -o mode=755 tmpfs /mnt/root/run
      mount -t proc proc /mnt/root/proc
      mount --rbind /dev /mnt/root/dev
      mknod -m 666 /mnt/tun c 10 200
      mount --bind /mnt/tun /mnt/root/dev/net/tun
      mkdir -p "$1" "/mnt/root$1"
      mount --bind "$1" "/mnt/root$1"
      echo ready
      exec sleep infinity
      """;

  private static final Duration LONG = Duration.ofMinutes(3);

  private final Daemon holder;

  /**
   * @param shared a folder that is the same in here
   */
  public DebianMachine(Path shared) {
    holder =
        Daemon.start(
            Map.of(), List.of("unshare", "-m", "sh", "-ec", MOUNTS, "mounts", shared.toString()));
    try {
      holder.awaitOutput("ready");
    } catch (RuntimeException e) {
      holder.close();
      throw e;
    }
  }

  /** The command that runs {@code command} in here, in the caller's network namespace. */
  public List<String> inside(List<String> command) {
    List<String> inside =
        new ArrayList<>(
            List.of("nsenter", "-m", "-t", Long.toString(holder.pid()), "chroot", "/mnt/root"));
    inside.addAll(command);
    return inside;
  }

  /**
   * The command as a unit with this user and these capabilities runs it.
   *
   * @param capabilities as in {@code net_admin}
   */
  public List<String> asService(String user, List<String> capabilities, List<String> command) {
    String given = capabilities.stream().map(name -> "+" + name).collect(Collectors.joining(","));
    List<String> restricted =
        new ArrayList<>(
            List.of(
                "setpriv",
                "--reuid=" + user,
                "--regid=" + user,
                "--clear-groups",
                "--no-new-privs",
                "--inh-caps=" + given,
                "--ambient-caps=" + given,
                "--bounding-set=-all," + given));
    restricted.addAll(command);
    return inside(restricted);
  }

  /** Runs the words of a shell in here, in this network namespace. */
  public Commands.Result attempt(Namespace network, String script) {
    return network.attempt(
        LONG, Map.of("DEBIAN_FRONTEND", "noninteractive"), inside(List.of("sh", "-ec", script)));
  }

  /** The same; it must succeed. Returns the output. */
  public String run(Namespace network, String script) {
    return attempt(network, script).orThrow().out();
  }

  @Override
  public void close() {
    holder.close();
  }
}
