// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.key;

import dev.culvert.cli.command.CommandException;
import dev.culvert.cli.command.ExitCode;
import dev.culvert.cli.command.Gateways;
import dev.culvert.daemon.Machine;
import dev.culvert.daemon.admin.EspView;
import dev.culvert.daemon.admin.EspView.GlobalKeyView;
import dev.culvert.daemon.admin.EspView.PairView;
import dev.culvert.daemon.admin.GatewayView;
import dev.culvert.tunnel.esp.global.KeyFileException;
import dev.culvert.tunnel.state.KeyFileWriter;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code culvert key rotate}. */
@Command(
    name = "rotate",
    description = {
      "Puts a new ESP key, of the next id, into a key file. The key before stays in it, older ones"
          + " go.",
      "A gateway of this machine with that file takes it in by itself; bring the same file to all"
          + " other nodes, in any order. If a gateway runs, this shows which peers have the new"
          + " key."
    })
public final class KeyRotateCommand implements Callable<Integer> {
  private static final int STEP_MILLIS = 250;

  private final Machine machine;

  @Spec private CommandSpec spec;

  @Parameters(
      arity = "0..1",
      paramLabel = "FILE",
      description = "The key file (default: that of the only ESP gateway that runs here).")
  private @Nullable Path file;

  @Option(
      names = "--wait",
      paramLabel = "SECONDS",
      defaultValue = "0",
      description =
          "Waits for all peers to have the new key, so long at most; status 1 if they do not.")
  private int seconds;

  public KeyRotateCommand(Machine machine) {
    this.machine = machine;
  }

  @Override
  public Integer call() throws Exception {
    Path target = file == null ? fileOfTheOnlyGateway() : file;
    int id = rotate(target);
    PrintWriter out = spec.commandLine().getOut();
    out.println("key " + id + " is in " + target + "; bring this file to all other nodes");
    out.flush();
    Optional<String> gateway = gatewayWith(target);
    return gateway.isEmpty() || follow(out, gateway.get(), id) ? ExitCode.OK : ExitCode.FAILED;
  }

  private static int rotate(Path target) throws IOException, CommandException {
    try {
      return KeyFileWriter.rotate(target, new SecureRandom());
    } catch (KeyFileException e) {
      throw new CommandException(ExitCode.CONFIG_REFUSED, String.valueOf(e.getMessage()));
    }
  }

  private List<GatewayView> gateways() throws IOException {
    return new Gateways(machine)
        .askAllowed().gateways().stream().filter(gateway -> globalKey(gateway) != null).toList();
  }

  private static @Nullable GlobalKeyView globalKey(GatewayView gateway) {
    EspView esp = gateway.esp();
    return esp == null ? null : esp.globalKey();
  }

  private Path fileOfTheOnlyGateway() throws IOException, CommandException {
    List<GatewayView> gateways = gateways();
    GlobalKeyView key = gateways.size() == 1 ? globalKey(gateways.getFirst()) : null;
    if (key == null) {
      new Gateways(machine).requireAllowed();
      throw new CommandException(
          ExitCode.USAGE,
          gateways.size() + " gateways with a global key run here: name the key file");
    }
    return Path.of(key.file());
  }

  private Optional<String> gatewayWith(Path target) throws IOException {
    for (GatewayView gateway : gateways()) {
      GlobalKeyView key = globalKey(gateway);
      if (key != null && Files.isSameFile(Path.of(key.file()), target)) {
        return Optional.of(gateway.interfaceName());
      }
    }
    return Optional.empty();
  }

  /**
   * Reports each peer that publishes {@code id}. Returns whether all peers publish it, if that was
   * asked.
   */
  private boolean follow(PrintWriter out, String gateway, int id) throws Exception {
    String shown = "";
    for (long waited = 0; ; waited += STEP_MILLIS) {
      GlobalKeyView key = globalKey(new Gateways(machine).ask(gateway));
      if (key == null) {
        return false;
      }
      List<String> late =
          key.peers().stream()
              .filter(pair -> pair.peerPublished() != id)
              .map(PairView::peer)
              .toList();
      boolean taken = key.published() == id;
      String line =
          !taken
              ? gateway + " still publishes key " + key.published()
              : "%s publishes key %d; so do %d of %d peers%s"
                  .formatted(
                      gateway,
                      id,
                      key.peers().size() - late.size(),
                      key.peers().size(),
                      late.isEmpty() ? "" : ", not yet " + String.join(", ", late));
      boolean over = (taken && late.isEmpty()) || waited >= 1000L * seconds;
      if (!line.equals(shown) && (seconds > 0 || over)) {
        out.println(line);
        out.flush();
        shown = line;
      }
      if (over) {
        return seconds == 0 || (taken && late.isEmpty());
      }
      Thread.sleep(STEP_MILLIS);
    }
  }
}
