// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import dev.culvert.daemon.admin.NameView;
import dev.culvert.daemon.config.NamedPeer;
import dev.culvert.log.EventLog;
import dev.culvert.log.Field;
import dev.culvert.log.LogEvent;
import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.Endpoint;
import java.io.IOException;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Follows the names of peers' endpoints. A name is asked for when it is new, again and again while
 * it does not resolve, and anew when its peer does not answer. A peer that works stays at its
 * address.
 *
 * <p>A name server may be silent for a long time. So look-ups have threads of their own, a few at a
 * time; no lock is held while one waits, and {@link #views} takes none at all.
 */
final class PeerNames implements AutoCloseable {
  private static final EventLog log = EventLog.of(PeerNames.class);

  private static final int LOOK_UPS_AT_ONCE = 8;
  private static final Duration TICK = Duration.ofSeconds(1);

  /** The time between two looks at peers whose names are resolved. */
  private static final Duration LOOK = Duration.ofSeconds(10);

  private final Resolver resolver;
  private final Running running;
  private final Listener listener;
  private final ExecutorService lookUps;
  private final Thread clock;

  /** Changed under this object's lock only; read without it. */
  private final Map<String, PeerName> names = new ConcurrentHashMap<>();

  private boolean closed;

  /** Told of addresses before a peer moves to one of them. */
  interface Listener {
    /**
     * Takes all the addresses that the names of peers stand for from now on.
     *
     * @throws IOException if peers must not move to them: the name is asked for again
     */
    void addresses(Set<IpAddress> all) throws IOException;
  }

  PeerNames(String interfaceName, Resolver resolver, Running running, Listener listener) {
    this.listener = listener;
    this.resolver = resolver;
    this.running = running;
    lookUps =
        Executors.newFixedThreadPool(
            LOOK_UPS_AT_ONCE,
            Thread.ofPlatform().daemon().name(interfaceName + "-name-", 0).factory());
    clock = Thread.ofPlatform().daemon().name(interfaceName + "-names").unstarted(this::tick);
    clock.start();
  }

  /** Replaces the names that are followed. Asks for those that are new, and does not wait. */
  synchronized void follow(Collection<NamedPeer> wanted) {
    Map<String, NamedPeer> byId = new HashMap<>();
    wanted.forEach(peer -> byId.put(peer.id(), peer));
    names.values().removeIf(name -> !name.peer().equals(byId.get(name.peer().id())));
    for (NamedPeer peer : wanted) {
      if (!names.containsKey(peer.id())) {
        PeerName name = new PeerName(peer);
        names.put(peer.id(), name);
        ask(name);
      }
    }
  }

  /** Asks for every name anew and waits, but no longer than {@code patience}. */
  void askAnew(Duration patience) {
    CompletableFuture<?> all;
    synchronized (this) {
      all =
          CompletableFuture.allOf(
              names.values().stream().map(this::askAnew).toArray(CompletableFuture<?>[]::new));
    }
    await(all, patience);
  }

  /** Waits until every name was asked for once, but no longer than {@code patience}. */
  void await(Duration patience) {
    CompletableFuture<?> all;
    synchronized (this) {
      all =
          CompletableFuture.allOf(
              names.values().stream().map(this::pending).toArray(CompletableFuture<?>[]::new));
    }
    await(all, patience);
  }

  private static void await(CompletableFuture<?> all, Duration patience) {
    try {
      all.get(patience.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      log.debug(LogEvent.NAME_SLOW, "the name service is slow; it is waited for elsewhere");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (ExecutionException e) {
      throw new IllegalStateException("a look-up failed", e.getCause());
    }
  }

  /** The state of all names now. Does not wait. */
  List<NameView> views() {
    long now = System.nanoTime();
    return names.values().stream()
        .map(name -> name.view(now))
        .sorted(Comparator.comparing(NameView::peer))
        .toList();
  }

  private CompletableFuture<Void> pending(PeerName name) {
    CompletableFuture<Void> pending = name.pending;
    return pending == null ? CompletableFuture.allOf() : pending;
  }

  /**
   * Asks anew, if need be after a look-up under way, since the answer to that one may be out of
   * date.
   */
  private CompletableFuture<Void> askAnew(PeerName name) {
    CompletableFuture<Void> before = name.pending;
    if (before == null) {
      ask(name);
      return pending(name);
    }
    return before.thenCompose(
        done -> {
          synchronized (this) {
            if (name.pending == null) {
              ask(name);
            }
            return pending(name);
          }
        });
  }

  private void ask(PeerName name) {
    if (!closed) {
      name.pending = CompletableFuture.runAsync(() -> lookUp(name), lookUps);
    }
  }

  private void lookUp(PeerName name) {
    NamedPeer peer = name.peer();
    List<Endpoint> answer = List.of();
    String error;
    try {
      List<IpAddress> all = resolver.lookUp(peer.host());
      answer =
          all.stream()
              .filter(address -> address.v4() ? peer.v4() : peer.v6())
              .map(address -> Endpoint.of(address, peer.port()))
              .toList();
      error = answer.isEmpty() ? "no address of a family that this node has" : "";
    } catch (UnknownHostException e) {
      error = String.valueOf(e.getMessage());
    } catch (Throwable e) { // The name is to be asked for again after an error too.
      log.failure(LogEvent.NAME_FAILED, e, "the look-up of {} failed", Field.endpoint(peer.host()));
      error = e.toString();
    }
    synchronized (this) {
      name.pending = null;
      if (closed || names.get(peer.id()) != name) {
        return; // the answer is not needed any more
      }
      if (answer.isEmpty()) {
        unresolved(name, error);
        return;
      }
      try {
        resolved(name, answer);
      } catch (IOException | RuntimeException e) {
        unresolved(name, String.valueOf(e.getMessage()));
      } catch (Error e) {
        unresolved(name, e.toString());
      }
    }
  }

  private static void unresolved(PeerName name, String error) {
    if (!error.equals(name.error())) {
      log.warn(
          LogEvent.NAME_UNRESOLVED,
          "{}, the endpoint of {}, does not resolve and is asked for again: {}",
          Field.endpoint(name.peer().endpoint()),
          Field.peer(name.peer().label()),
          Field.reason(error));
    }
    name.failed(error, System.nanoTime());
  }

  private void resolved(PeerName name, List<Endpoint> answer) throws IOException {
    NamedPeer peer = name.peer();
    listener.addresses(allWith(name, answer));
    PeerSign sign = running.signs(List.of(peer.id())).get(peer.id());
    Endpoint to = choose(name.answer(), answer, sign);
    if (to != null) {
      running.move(peer.id(), to);
      log.info(
          LogEvent.NAME_RESOLVED,
          "{} is at {}: {}",
          Field.peer(peer.label()),
          peer.endpoint(),
          Field.endpoint(to));
      if (sign == null || sign.at() == null) {
        running.tunnel().greet();
      }
    }
    name.succeeded(answer, System.nanoTime());
  }

  private Set<IpAddress> allWith(PeerName changed, List<Endpoint> answer) {
    return names.values().stream()
        .flatMap(name -> (name == changed ? answer : name.answer()).stream())
        .map(Endpoint::address)
        .collect(Collectors.toSet());
  }

  /**
   * The endpoint that a peer is to move to, or null if it stays.
   *
   * @param before the endpoints that its name last stood for, empty if not known
   * @param answer the endpoints that its name stands for now, the best first
   * @param sign null if the device does not have the peer yet
   */
  static @Nullable Endpoint choose(
      List<Endpoint> before, List<Endpoint> answer, @Nullable PeerSign sign) {
    Endpoint at = sign == null ? null : sign.at();
    if (sign == null || at == null) {
      return answer.getFirst();
    }
    boolean silent = sign.answer() == PeerSign.Answer.UNANSWERED;
    for (int i = 0; i < answer.size(); i++) {
      if (answer.get(i).isSamePlace(at)) {
        return silent && answer.size() > 1 ? answer.get((i + 1) % answer.size()) : null;
      }
    }
    // The peer was learnt to be elsewhere, and stays there while it works and its name resolves to
    // the same endpoints.
    boolean same = new HashSet<>(before).equals(new HashSet<>(answer));
    return same && !silent ? null : answer.getFirst();
  }

  private void tick() {
    try {
      while (true) {
        Thread.sleep(TICK);
        lookLogged();
      }
    } catch (InterruptedException e) {
      log.debug(LogEvent.WATCH_ENDED, "names are no longer followed");
    }
  }

  private void lookLogged() {
    try {
      look();
    } catch (Throwable e) { // An error must not end the clock, which is started once only.
      log.per("names")
          .warn(LogEvent.NAME_FAILED, "names of peers could not be looked at: {}", Field.reason(e));
    }
  }

  private synchronized void look() throws IOException {
    long now = System.nanoTime();
    List<PeerName> due =
        names.values().stream().filter(name -> name.pending == null && name.isDue(now)).toList();
    if (due.isEmpty() || closed) {
      return;
    }
    Map<String, PeerSign> signs =
        running.signs(due.stream().map(name -> name.peer().id()).toList());
    for (PeerName name : due) {
      PeerSign sign = signs.get(name.peer().id());
      if (name.isResolved() && sign != null && sign.answer() == PeerSign.Answer.HEARD) {
        name.heard(now + LOOK.toNanos());
      } else {
        ask(name);
      }
    }
  }

  /**
   * Does not wait for look-ups under way: they cannot be ended, and they change nothing any more.
   */
  @Override
  public void close() {
    synchronized (this) {
      closed = true;
    }
    clock.interrupt();
    lookUps.shutdown();
  }
}
