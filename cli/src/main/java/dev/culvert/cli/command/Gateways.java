// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command;

import dev.culvert.daemon.Machine;
import dev.culvert.daemon.admin.AdminMessage;
import dev.culvert.daemon.admin.AdminMessage.Response;
import dev.culvert.daemon.admin.GatewayEndingException;
import dev.culvert.daemon.admin.GatewayView;
import dev.culvert.daemon.socket.LocalServer;
import dev.culvert.daemon.uapi.UapiClient;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

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

  /** The gateway called {@code name}, or all running ones if {@code name} is null. */
  public List<GatewayView> ask(@Nullable String name) throws IOException, CommandException {
    if (name == null) {
      return askAll(running());
    }
    if (!isRunning(name)) {
      throw CommandException.notRunning(machine, name);
    }
    return List.of(askOne(name));
  }

  /** The running gateways, except those that were brought up in another network namespace. */
  public List<GatewayView> askHere() throws IOException {
    List<String> here = new ArrayList<>();
    for (String each : running()) {
      if (!machine.runState().isElsewhere(each)) {
        here.add(each);
      }
    }
    return askAll(here);
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

  boolean isRunning(String name) {
    return machine.adminClient().isRunning(name) || LocalServer.isLive(machine.uapiSocket(name));
  }

  /** Interfaces whose sockets answer, with any program behind them. */
  SortedSet<String> running() throws IOException {
    SortedSet<String> names = new TreeSet<>();
    for (Path directory : List.of(machine.adminDirectory(), machine.uapiDirectory())) {
      if (!Files.isDirectory(directory)) {
        continue;
      }
      try (DirectoryStream<Path> sockets = Files.newDirectoryStream(directory, "*" + SUFFIX)) {
        for (Path socket : sockets) {
          String name = String.valueOf(socket.getFileName());
          if (LocalServer.isLive(socket)) {
            names.add(name.substring(0, name.length() - SUFFIX.length()));
          }
        }
      }
    }
    return names;
  }
}
