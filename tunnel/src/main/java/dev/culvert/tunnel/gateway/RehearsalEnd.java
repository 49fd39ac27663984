// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import dev.culvert.routing.Classifier;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Mark;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.engine.StateWriter;
import dev.culvert.tunnel.engine.TunnelEngine;
import dev.culvert.tunnel.kernel.ErrnoException;
import dev.culvert.tunnel.port.StandInTun;
import org.jspecify.annotations.Nullable;

/**
 * One gateway of a rehearsal: a real one, with keys of its own, except that its TUN device is a
 * stand-in and its peer is on the loopback device.
 */
abstract class RehearsalEnd implements AutoCloseable {
  private static final IpAddress LOOPBACK = IpAddress.parse("127.0.0.1");

  /** No packet of a rehearsal leaves in clear. */
  private static final Mark UNMARKED = Mark.of(0);

  private final GatewayOptions options;
  private final IpAddress address;
  private final StandInTun.Ends tun;
  private TunnelEngine engine;
  private Gateway gateway;
  private @Nullable Classifier classifier;

  /**
   * Opens the gateway.
   *
   * @param address the only inner address behind it
   * @param first its engine
   */
  RehearsalEnd(GatewayOptions options, IpAddress address, TunnelEngine first)
      throws DeviceException {
    this.options = options;
    this.address = address;
    try {
      tun = StandInTun.open(options.interfaceName(), options.effectiveLanes());
    } catch (ErrnoException e) {
      throw DeviceException.of(e);
    }
    engine = first;
    boolean opened = false;
    try {
      gateway = Gateway.open(first, event -> {}, options, opening -> tun.tun());
      opened = true;
    } finally {
      if (!opened) {
        tun.close();
        first.close();
      }
    }
  }

  /** Another engine like the first. */
  abstract TunnelEngine newEngine();

  /** Gives an engine its keys and its only peer. On its control thread. */
  abstract void meet(TunnelEngine own, RehearsalEnd other);

  /** The tunnel's identity of this end, as a classifier of the other end names it. */
  abstract String identity();

  /** Whether an engine continues a state only once it knows its peer. */
  abstract boolean meetsFirst();

  final IpAddress address() {
    return address;
  }

  final StandInTun.Ends tun() {
    return tun;
  }

  final Gateway gateway() {
    return gateway;
  }

  /** The place of its socket. */
  final Endpoint endpoint() {
    return Endpoint.of(LOOPBACK, gateway.listenPort());
  }

  final void meet(RehearsalEnd other) throws DeviceException {
    meet(gateway, engine, other);
  }

  /** Has a classifier decide on the packets, in this gateway and those that continue it. */
  final void classifyBy(Classifier decides) throws DeviceException {
    classifier = decides;
    classifyIn(gateway);
  }

  private void classifyIn(Gateway of) throws DeviceException {
    if (classifier != null) {
      of.useClassifier(classifier, UNMARKED);
    }
  }

  private void meet(Gateway of, TunnelEngine own, RehearsalEnd other) throws DeviceException {
    of.control(
        () -> {
          meet(own, other);
          return null;
        });
  }

  /** Hands the gateway over to another one in this process, in the way that processes do it. */
  final void handOver(RehearsalEnd other) throws DeviceException {
    Gateway former = gateway;
    TunnelEngine next = newEngine();
    Gateway successor = open(next, former);
    try (StateWriter state = new StateWriter()) {
      former.pause(state);
      if (meetsFirst()) {
        meet(successor, next, other);
      }
      successor.restore(new StateReader(state.written()));
      classifyIn(successor);
      successor.begin();
      engine = next;
      gateway = successor;
    } finally {
      (gateway == successor ? former : successor).close();
    }
  }

  private Gateway open(TunnelEngine next, Gateway former) throws DeviceException {
    try {
      Descriptors copies = former.descriptors().copy();
      return Gateway.open(
          next,
          event -> {},
          options.continuing(copies, false),
          opening -> StandInTun.adopt(opening.interfaceName(), copies.queues()));
    } catch (ErrnoException e) {
      throw DeviceException.of(e);
    }
  }

  @Override
  public final void close() {
    gateway.close();
    tun.close();
  }
}
