// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab.net;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A network namespace of ours. Programs run in it see its devices, addresses and routes, and the
 * machine's files.
 *
 * @param name as {@code ip netns} lists it
 */
public record Namespace(String name) {

  /** Runs a program in here that must succeed. */
  public Commands.Result run(String... command) {
    return attempt(command).orThrow();
  }

  /** Runs a program in here, which may exit with any code. */
  public Commands.Result attempt(String... command) {
    return attempt(Commands.PATIENCE, Map.of(), List.of(command));
  }

  /** Runs a program in here, with its environment, which may exit with any code. */
  public Commands.Result attempt(
      Duration patience, Map<String, String> environment, List<String> command) {
    return Commands.attempt(patience, environment, inside(command));
  }

  /** Starts a program in here. */
  public Daemon start(String... command) {
    return start(Map.of(), List.of(command));
  }

  /** Starts a program in here, with its environment. */
  public Daemon start(Map<String, String> environment, List<String> command) {
    return Daemon.start(environment, inside(command));
  }

  /** The command that runs {@code command} in here. {@code ip} replaces itself with it. */
  public List<String> inside(List<String> command) {
    List<String> inside = new ArrayList<>(List.of("ip", "netns", "exec", name));
    inside.addAll(command);
    return inside;
  }

  /** Runs {@code ip} in here. */
  public Commands.Result ip(String... arguments) {
    List<String> command = new ArrayList<>(List.of("ip", "-n", name));
    command.addAll(List.of(arguments));
    return Commands.attempt(Commands.PATIENCE, Map.of(), command).orThrow();
  }

  /**
   * Gives a device an address, usable at once.
   *
   * @param cidr as in {@code 10.0.0.1/24} or {@code fd00::1/64}
   */
  public Namespace address(String device, String cidr) {
    if (cidr.contains(":")) {
      ip("address", "add", cidr, "dev", device, "nodad");
    } else {
      ip("address", "add", cidr, "dev", device);
    }
    return this;
  }

  /** Brings a device up. */
  public Namespace up(String device) {
    ip("link", "set", device, "up");
    return this;
  }

  /** Adds a route, in the words of {@code ip route}. */
  public Namespace route(String... words) {
    List<String> command = new ArrayList<>(List.of("route", "replace"));
    command.addAll(List.of(words));
    ip(command.toArray(String[]::new));
    return this;
  }

  /** Lets packets pass from one device to another. */
  public Namespace forward() {
    run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1");
    return this;
  }

  /** The namespace's number, as the links {@code /proc/PID/ns/net} of its processes tell it. */
  public String number() {
    try {
      return "net:[" + Files.getAttribute(Path.of("/run/netns", name), "unix:ino") + "]";
    } catch (IOException e) {
      throw new LabException("namespace " + name + " cannot be found: " + e.getMessage(), e);
    }
  }

  /** The processes that live in here, also those that left their parents. */
  public List<Long> pids() {
    return Namespaces.inhabitants(Set.of(number())).stream().map(ProcessHandle::pid).toList();
  }
}
