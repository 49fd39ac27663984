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
import java.util.stream.Collectors;

/**
 * Network namespaces with all processes in them, removed again by {@link #close}, by Ctrl-C and by
 * the end of this process.
 */
public final class Namespaces implements AutoCloseable {
  private static final Duration GRACE = Duration.ofSeconds(5);

  private final String prefix;
  private final List<Namespace> namespaces = new ArrayList<>();
  private final Thread onExit = new Thread(this::removeAll, "namespaces-removal");
  private final List<Runnable> afterwards = new ArrayList<>();
  private boolean closed;

  /**
   * @param prefix of every namespace's name; no other namespace on this machine may begin with it
   */
  public Namespaces(String prefix) {
    this.prefix = prefix;
    Runtime.getRuntime().addShutdownHook(onExit);
  }

  /** Namespaces named after this process. */
  public static Namespaces ofThisProcess(String purpose) {
    return new Namespaces("cv-%s-%d-".formatted(purpose, ProcessHandle.current().pid()));
  }

  /** Makes a namespace with loopback up and no duplicate address detection to wait for. */
  public synchronized Namespace create(String name) {
    if (closed) {
      throw new LabException("the namespaces are being removed");
    }
    Namespace namespace = new Namespace(prefix + name);
    Commands.run("ip", "netns", "add", namespace.name());
    namespaces.add(namespace);
    namespace.run(
        "sysctl",
        "-qw",
        "net.ipv6.conf.all.accept_dad=0",
        "net.ipv6.conf.default.accept_dad=0",
        "net.ipv6.conf.all.disable_ipv6=0");
    return namespace.up("lo");
  }

  /** One end of a cable. */
  public record End(Namespace namespace, String device) {}

  /** Joins two namespaces with a pair of veth devices, both up. */
  public static void connect(End a, End b) {
    Commands.run(
        "ip",
        "link",
        "add",
        a.device(),
        "netns",
        a.namespace().name(),
        "type",
        "veth",
        "peer",
        "name",
        b.device(),
        "netns",
        b.namespace().name());
    a.namespace().up(a.device());
    b.namespace().up(b.device());
  }

  /** Makes a bridge and plugs the devices into it. */
  public static void bridge(Namespace namespace, String bridge, String... devices) {
    namespace.ip("link", "add", bridge, "type", "bridge");
    for (String device : devices) {
      namespace.ip("link", "set", device, "master", bridge);
    }
    namespace.up(bridge);
  }

  /** Leaves the namespaces behind when this process ends, for the user to explore. */
  public synchronized void keep() {
    closed = true;
    Runtime.getRuntime().removeShutdownHook(onExit);
  }

  /** Runs {@code action} once the namespaces and all processes in them are gone. */
  public synchronized void afterwards(Runnable action) {
    afterwards.add(action);
  }

  @Override
  public void close() {
    removeAll();
    try {
      Runtime.getRuntime().removeShutdownHook(onExit);
    } catch (IllegalStateException e) {
      closed = true; // The process is going down, and the hook has run or is about to find nothing.
    }
  }

  private synchronized void removeAll() {
    if (!closed) {
      closed = true;
      remove(namespaces);
      afterwards.forEach(Runnable::run);
    }
  }

  /** The namespaces on this machine whose names begin with {@code prefix}. */
  public static List<Namespace> existing(String prefix) {
    return Commands.run("ip", "netns", "list")
        .out()
        .lines()
        .map(line -> line.split(" ", 2)[0])
        .filter(name -> name.startsWith(prefix))
        .map(Namespace::new)
        .toList();
  }

  /**
   * Ends the processes in the namespaces, and deletes the namespaces. A process that another thread
   * starts meanwhile ends too: once the names are gone, no further one can follow it.
   */
  public static void remove(List<Namespace> namespaces) {
    Set<String> numbers = namespaces.stream().map(Namespace::number).collect(Collectors.toSet());
    end(inhabitants(numbers));
    for (Namespace namespace : namespaces) {
      Commands.attempt(
          Commands.PATIENCE, Map.of(), List.of("ip", "netns", "delete", namespace.name()));
    }
    end(inhabitants(numbers));
  }

  private static void end(List<ProcessHandle> processes) {
    processes.forEach(ProcessHandle::destroy);
    Waiting.until(GRACE, () -> processes.stream().noneMatch(ProcessHandle::isAlive));
    processes.stream().filter(ProcessHandle::isAlive).forEach(ProcessHandle::destroyForcibly);
  }

  /**
   * The processes in the namespaces of these numbers, also those that left their parents, and also
   * if the namespaces have no names any more.
   */
  public static List<ProcessHandle> inhabitants(Set<String> numbers) {
    return ProcessHandle.allProcesses()
        .filter(process -> numbers.contains(numberOf(process)))
        .toList();
  }

  private static String numberOf(ProcessHandle process) {
    try {
      return Files.readSymbolicLink(Path.of("/proc/" + process.pid() + "/ns/net")).toString();
    } catch (IOException e) {
      return "none: it has ended";
    }
  }
}
