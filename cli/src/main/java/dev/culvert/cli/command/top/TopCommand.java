// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.top;

import dev.culvert.cli.command.CommandException;
import dev.culvert.cli.command.ExitCode;
import dev.culvert.cli.command.GatewayParameter;
import dev.culvert.cli.command.OutputOption;
import dev.culvert.cli.command.Signals;
import dev.culvert.daemon.Machine;
import dev.culvert.daemon.admin.AdminMessage.Command;
import dev.culvert.daemon.admin.Json;
import dev.culvert.daemon.admin.OverviewView;
import dev.culvert.daemon.admin.PeerRates;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code culvert top}. */
@CommandLine.Command(
    name = "top",
    description = {
      "Shows a gateway in the terminal, second by second: its verdict, throughput and peers.",
      "Keys: r, a, s, n sort the peers by rate, age of the handshake, state and name; q ends."
    })
public final class TopCommand implements Callable<Integer> {
  private static final long PAUSE = Duration.ofSeconds(1).toNanos();
  private static final Duration GRACE = Duration.ofSeconds(2);

  private final Machine machine;

  @Spec private CommandSpec spec;

  @Mixin private GatewayParameter gateway;

  @Option(
      names = "--once",
      description = "Print one picture and end: for scripts, and with -o json for programs.")
  private boolean once;

  @Mixin private OutputOption output;

  private TopFrame.Sort sort = TopFrame.Sort.RATE;
  private volatile boolean ended;

  public TopCommand(Machine machine) {
    this.machine = machine;
  }

  @Override
  public Integer call() throws Exception {
    String name = gateway.running(machine);
    PrintWriter out = spec.commandLine().getOut();
    if (once) {
      printOnce(out, ask(name));
    } else if (output.json()) {
      throw new CommandException(ExitCode.USAGE, "-o json needs --once");
    } else {
      show(out, name);
    }
    return ExitCode.OK;
  }

  private OverviewView ask(String name) throws IOException {
    return Objects.requireNonNull(
        machine.adminClient().call(name, Command.OVERVIEW).overview(),
        "the gateway runs an older Culvert, which has no overview");
  }

  private void printOnce(PrintWriter out, OverviewView now) {
    if (output.json()) {
      out.println(Json.pretty(now));
    } else {
      // As long and wide as it needs to be.
      Terminal.Size all = new Terminal.Size(Integer.MAX_VALUE, 200);
      new TopFrame(now, null, Map.of(), sort, all).lines().forEach(out::println);
    }
    out.flush();
  }

  private void show(PrintWriter out, String name) throws IOException {
    PeerRates rates = new PeerRates();
    @Nullable OverviewView before = null;
    try (Terminal terminal = Terminal.open()) {
      Signals.onEnd(() -> end(terminal));
      while (!ended) {
        OverviewView now = ask(name);
        Map<String, PeerRates.Rate> since = rates.at(now);
        draw(out, new TopFrame(now, before, since, sort, terminal.size()));
        long next = System.nanoTime() + PAUSE;
        while (!ended && System.nanoTime() < next) {
          int key = terminal.key();
          if (key == 'q') {
            return;
          }
          if (key != 0 && sort != sort.by(key)) {
            sort = sort.by(key);
            draw(out, new TopFrame(now, before, since, sort, terminal.size()));
          }
        }
        before = now;
      }
    }
  }

  /** Ends the loop, or the program if that waits for a gateway: the terminal is given back. */
  private void end(Terminal terminal) {
    ended = true;
    Thread.ofPlatform()
        .daemon()
        .start(
            () -> {
              try {
                Thread.sleep(GRACE);
                terminal.close();
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              } catch (IOException e) {
                spec.commandLine().getErr().println(e.getMessage());
              }
              Runtime.getRuntime().halt(ExitCode.FAILED);
            });
  }

  /** Overwrites the former picture line by line, so that the screen does not flicker. */
  private static void draw(PrintWriter out, TopFrame frame) {
    StringBuilder screen = new StringBuilder("\033[H");
    frame.lines().forEach(line -> screen.append(line).append("\033[K\r\n"));
    out.print(screen.append("\033[J"));
    out.flush();
  }
}
