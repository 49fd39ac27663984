// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command;

import dev.culvert.daemon.Machine;
import dev.culvert.daemon.admin.AdminMessage;
import dev.culvert.daemon.admin.AdminMessage.Response;
import dev.culvert.daemon.admin.GatewayEndingException;
import dev.culvert.daemon.admin.GatewayView;
import dev.culvert.daemon.socket.LocalServer;
import dev.culvert.daemon.socket.OtherUserException;
import dev.culvert.daemon.uapi.UapiClient;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Finds the gateways that run on this machine, and asks them by the admin socket, else by the UAPI
 * socket.
 */
public final class Gateways {
  private static final String SUFFIX = ".sock";

  private final Machine machine;

  public Gateways(Machine machine) {
    this.machine = machine;
  }

  /**
   * The interfaces whose sockets this user finds.
   *
   * @param running those that answer, with any program behind them
   * @param refused those that may answer to other users only, and the reasons
   */
  private record Found(SortedSet<String> running, SortedMap<String, OtherUserException> refused) {}

  /**
   * The gateways' answers.
   *
   * @param gateways that answered
   * @param refusals why others may not be asked by this user, one line for each
   */
  public record Answers(List<GatewayView> gateways, List<String> refusals) {
    /** Whether no gateway runs, as far as this user may know. */
    public boolean isNone() {
      return gateways.isEmpty() && refusals.isEmpty();
    }

    /** Names the gateways that are not shown; returns the exit status of a command that shows. */
    public int report(PrintWriter err) {
      refusals.forEach(line -> err.println("culvert: " + line));
      err.flush();
      return refusals.isEmpty() ? ExitCode.OK : ExitCode.FAILED;
    }
  }

  /**
   * The gateway called {@code name}.
   *
   * @throws CommandException if it does not run
   * @throws OtherUserException if this user may not ask it
   */
  public GatewayView ask(String name) throws IOException, CommandException {
    if (!isRunning(name)) {
      throw CommandException.notRunning(machine, name);
    }
    return askOne(name);
  }

  /** Those running gateways that this user may ask. */
  public Answers askAllowed() throws IOException {
    Found found = find();
    return new Answers(
        askAll(found.running),
        found.refused.entrySet().stream()
            .map(each -> each.getKey() + " is not shown: " + each.getValue().getMessage())
            .toList());
  }

  /**
   * Those running gateways that this user may ask, except those that were brought up in another
   * network namespace.
   */
  public List<GatewayView> askHere() throws IOException {
    List<String> here = new ArrayList<>();
    for (String each : find().running) {
      if (!machine.runState().isElsewhere(each)) {
        here.add(each);
      }
    }
    return askAll(here);
  }

  /**
   * Refuses if a gateway may run that this user may not ask, so that those that were asked are not
   * taken for all.
   *
   * @throws OtherUserException that says which
   */
  public void requireAllowed() throws IOException {
    for (OtherUserException refusal : find().refused.values()) {
      throw refusal;
    }
  }

  private List<GatewayView> askAll(Collection<String> names) throws IOException {
    List<GatewayView> all = new ArrayList<>();
    for (String each : names) {
      try {
        all.add(askOne(each));
      } catch (IOException e) {
        // It ended since the list was made, or is about to, so it is not running.
        if (isRunning(each) && !(e instanceof GatewayEndingException)) {
          throw e;
        }
      }
    }
    return all;
  }

  private GatewayView askOne(String name) throws IOException {
    if (machine.adminClient().isRunning(name)) {
      Response response = machine.adminClient().call(name, AdminMessage.Command.STATUS);
      if (response.gateway() != null) {
        return response.gateway();
      }
    }
    return UapiClient.get(machine.uapiDirectory(), name);
  }

  /**
   * Whether a gateway or a WireGuard device of this name answers.
   *
   * @throws OtherUserException if this user may not ask it, so that it is not known
   */
  boolean isRunning(String name) throws IOException {
    return machine.adminClient().isRunning(name) || LocalServer.isLive(machine.uapiSocket(name));
  }

  /** Interfaces whose sockets answer, or may answer to other users. */
  SortedSet<String> names() throws IOException {
    Found found = find();
    SortedSet<String> names = new TreeSet<>(found.running);
    names.addAll(found.refused.keySet());
    return names;
  }

  private Found find() throws IOException {
    Found found = new Found(new TreeSet<>(), new TreeMap<>());
    for (Path directory : List.of(machine.adminDirectory(), machine.uapiDirectory())) {
      if (!Files.isDirectory(directory)) {
        continue;
      }
      try (DirectoryStream<Path> sockets = Files.newDirectoryStream(directory, "*" + SUFFIX)) {
        for (Path socket : sockets) {
          add(socket, found);
        }
      }
    }
    found.running.removeAll(found.refused.keySet());
    return found;
  }

  private static void add(Path socket, Found found) throws IOException {
    String file = String.valueOf(socket.getFileName());
    String name = file.substring(0, file.length() - SUFFIX.length());
    try {
      if (LocalServer.isLive(socket)) {
        found.running.add(name);
      }
    } catch (OtherUserException e) {
      found.refused.putIfAbsent(name, e);
    }
  }
}
