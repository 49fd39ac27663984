// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.capture;

import dev.culvert.cli.command.CommandException;
import dev.culvert.cli.command.ExitCode;
import dev.culvert.cli.command.GatewayParameter;
import dev.culvert.cli.command.Gateways;
import dev.culvert.cli.command.Signals;
import dev.culvert.daemon.Machine;
import dev.culvert.daemon.admin.GatewayView;
import dev.culvert.tunnel.capture.PcapngWriter;
import dev.culvert.tunnel.capture.UnderlayCapture;
import java.io.BufferedOutputStream;
import java.io.BufferedWriter;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.net.NetworkInterface;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code culvert capture}. */
@Command(
    name = "capture",
    description = {
      "Writes a gateway's datagrams on the underlay, both ways, as pcapng, until it is stopped.",
      "Datagrams are as they are on the wire: a batch that the kernel moves in one piece is cut."
          + " Runs in the gateway's network namespace."
    })
public final class CaptureCommand implements Callable<Integer> {
  private static final String STANDARD_OUTPUT = "-";

  private final Machine machine;

  @Spec private CommandSpec spec;

  @Mixin private GatewayParameter gateway;

  @Option(
      names = {"-w", "--write"},
      paramLabel = "FILE",
      required = true,
      description = "Output file; - is standard output.")
  private String target;

  @Option(names = "--device", paramLabel = "DEV", description = "Only on this underlay device.")
  private @Nullable String device;

  @Option(names = "--seconds", paramLabel = "N", description = "Ends after so long.")
  private @Nullable Integer seconds;

  @Option(names = "--count", paramLabel = "N", description = "Ends after so many datagrams.")
  private @Nullable Long count;

  @Option(names = "--force", description = "Writes over a capture that is there.")
  private boolean force;

  @Option(
      names = "--with-secrets",
      description = {
        "With the keys that Wireshark needs: whoever has them reads all that was captured.",
        "WireGuard: in the capture, from the next handshake on. ESP: in FILE.esp_sa, for a profile"
            + " as its esp_sa."
      })
  private boolean withSecrets;

  public CaptureCommand(Machine machine) {
    this.machine = machine;
  }

  @Override
  public Integer call() throws Exception {
    if ((seconds != null && seconds < 1) || (count != null && count < 1)) {
      throw new CommandException(ExitCode.USAGE, "--seconds and --count begin at 1");
    }
    String name = gateway.name();
    GatewayView view = new Gateways(machine).ask(name);
    gateway.requireHere(machine);
    boolean esp = view.engine().equals(GatewayView.ESP);
    check(name, view, esp);
    PrintWriter err = spec.commandLine().getErr();
    try (UnderlayCapture capture =
            UnderlayCapture.open(index(name), deviceIndex(), view.listenPort(), esp);
        PcapngWriter out = new PcapngWriter(new BufferedOutputStream(openTarget(), 1 << 16));
        BufferedWriter espKeys = withSecrets && esp ? SecretFile.open(espKeys()) : null) {
      CaptureRun.Limits limits =
          new CaptureRun.Limits(
              seconds == null ? Long.MAX_VALUE : seconds, count == null ? Long.MAX_VALUE : count);
      KeyLines keys = withSecrets ? new KeyLines(machine, name) : null;
      CaptureRun run = new CaptureRun(capture, out, keys, espKeys, limits, err);
      Signals.onEnd(run::stop);
      run.run(name + ", port " + view.listenPort());
    }
    if (withSecrets && esp) {
      err.println("the capture has no place for keys of ESP: they are in " + espKeys());
      err.flush();
    }
    return ExitCode.OK;
  }

  private void check(String name, GatewayView view, boolean esp)
      throws IOException, CommandException {
    if (view.listenPort() == 0) {
      throw new CommandException(
          ExitCode.FAILED, name + " has no port yet: it opens one when its interface is up");
    }
    if (withSecrets && !machine.adminClient().isRunning(name)) {
      throw new CommandException(
          ExitCode.FAILED, name + " tells no keys: only gateways of 'culvert up' do");
    }
    if (withSecrets && esp && target.equals(STANDARD_OUTPUT)) {
      throw new CommandException(
          ExitCode.USAGE, "keys of ESP go beside the capture: name a file with -w");
    }
  }

  private Path espKeys() {
    return Path.of(target + ".esp_sa");
  }

  private int deviceIndex() throws IOException, CommandException {
    return device == null ? 0 : index(device);
  }

  private static int index(String device) throws IOException, CommandException {
    NetworkInterface found = NetworkInterface.getByName(device);
    if (found == null) {
      throw new CommandException(
          ExitCode.FAILED,
          "no interface '" + device + "' in this network namespace; see 'ip netns exec'");
    }
    return found.getIndex();
  }

  private OutputStream openTarget() throws IOException, CommandException {
    if (target.equals(STANDARD_OUTPUT)) {
      if (CaptureRun.onTerminal()) {
        throw new CommandException(ExitCode.USAGE, "a terminal cannot show a capture; use a pipe");
      }
      if (withSecrets) {
        SecretFile.checkStandardOutput();
      }
      return new FileOutputStream(FileDescriptor.out);
    }
    Path file = Path.of(target);
    if (!force && Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS) && Files.size(file) > 0) {
      throw new CommandException(
          ExitCode.FAILED, file + " is there already; --force writes over it");
    }
    return withSecrets
        ? Channels.newOutputStream(SecretFile.channel(file))
        : Files.newOutputStream(file);
  }
}
