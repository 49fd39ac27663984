// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.bundle;

import dev.culvert.cli.command.CommandException;
import dev.culvert.cli.command.ExitCode;
import dev.culvert.cli.command.GatewayList;
import dev.culvert.cli.command.Gateways;
import dev.culvert.cli.command.Version;
import dev.culvert.daemon.Machine;
import dev.culvert.daemon.admin.GatewayView;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.GatewayConfig;
import dev.culvert.daemon.config.read.ConfigFile;
import dev.culvert.log.EventLog;
import dev.culvert.log.Field;
import dev.culvert.log.LogEvent;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.nio.channels.Channels;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.Collection;
import java.util.HashSet;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import java.util.SortedSet;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code culvert bundle}. */
@Command(
    name = "bundle",
    description = {
      "Writes an archive for support: state, log and threads of gateways, and the kernel's side.",
      "It holds no keys, but names, addresses and ranges of your nodes: give it only to whom you"
          + " trust. Parts that cannot be gathered are named, and the rest is still written."
    })
public final class BundleCommand implements Callable<Integer> {
  private static final DateTimeFormatter STAMP =
      DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'", Locale.ROOT).withZone(ZoneOffset.UTC);

  private static final EventLog LOG = EventLog.of(BundleCommand.class);

  private final Machine machine;

  @Spec private CommandSpec spec;

  @Mixin private GatewayList which;

  @Option(
      names = "--out",
      paramLabel = "FILE",
      description = "The archive. Default: culvert-bundle-HOST-TIME.tar.gz in this folder.")
  private @Nullable Path file;

  public BundleCommand(Machine machine) {
    this.machine = machine;
  }

  @Override
  public Integer call() throws Exception {
    SortedSet<String> names = which.names(machine);
    Instant at = Instant.now().truncatedTo(ChronoUnit.SECONDS);
    String folder = "culvert-bundle-" + host() + "-" + STAMP.format(at);
    Path target = file == null ? Path.of(folder + ".tar.gz") : file;
    PrintWriter err = spec.commandLine().getErr();
    Scrub scrub = new Scrub(publicKeys(names));
    OutputStream out = create(target);
    try (Archive archive = new Archive(out, folder, at, scrub)) {
      new MachineParts(archive, machine).gather();
      for (String name : names) {
        new GatewayParts(archive, machine, name).gather();
      }
      archive.finish(new Version().getVersion());
      archive
          .missing()
          .forEach((part, reason) -> err.println("culvert: not gathered: " + part + ": " + reason));
      err.flush();
    } catch (IOException | RuntimeException e) {
      Files.deleteIfExists(target); // Half an archive would look like a whole one.
      throw e;
    }
    spec.commandLine().getOut().println(target);
    spec.commandLine().getOut().flush();
    return ExitCode.OK;
  }

  private static String host() throws IOException {
    return Files.readString(Path.of("/proc/sys/kernel/hostname")).strip();
  }

  /** A new file that only its owner can read. */
  private static OutputStream create(Path target) throws IOException, CommandException {
    try {
      return new BufferedOutputStream(
          Channels.newOutputStream(
              Files.newByteChannel(
                  target,
                  Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
                  PosixFilePermissions.asFileAttribute(
                      PosixFilePermissions.fromString("rw-------")))));
    } catch (FileAlreadyExistsException e) {
      throw new CommandException(
          ExitCode.FAILED, target + " exists already: name another file with --out");
    } catch (NoSuchFileException e) {
      throw new CommandException(
          ExitCode.FAILED, "the folder of " + target + " does not exist: make it first");
    }
  }

  /** The keys that may stand in the archive, in base64. */
  private Set<String> publicKeys(Collection<String> names) {
    Set<@Nullable String> keys = new HashSet<>();
    for (String name : names) {
      try {
        GatewayView gateway = new Gateways(machine).ask(name);
        keys.add(gateway.publicKey());
        gateway.peers().forEach(peer -> keys.add(peer.publicKey()));
      } catch (IOException | CommandException e) { // It does not run, as the archive will say.
        addConfigured(name, keys);
      }
    }
    return keys.stream().filter(Objects::nonNull).collect(Collectors.toSet());
  }

  /** The peers' keys of a gateway that does not run. */
  private void addConfigured(String name, Set<@Nullable String> keys) {
    try {
      Path configuration = machine.runState().configuration(name).orElse(null);
      if (configuration != null) {
        GatewayConfig config = machine.read(ConfigFile.open(configuration));
        config.peers().forEach(peer -> keys.add(peer.publicKey().toString()));
      }
    } catch (IOException | ConfigException e) {
      // The archive names the failure at the gateway's configuration, and its keys are left out.
      LOG.debug(LogEvent.CONFIG_REFUSED, "{}", Field.reason(e.getMessage()));
    }
  }
}
