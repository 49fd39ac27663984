// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.kernel;

import dev.culvert.log.EventLog;
import dev.culvert.log.LogEvent;
import dev.culvert.tunnel.kernel.Links.Link;
import dev.culvert.tunnel.runtime.VitalThread;
import java.io.IOException;
import java.net.ProtocolException;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Receives the kernel's messages about changes of interfaces, addresses, routes and rules, on a
 * thread of its own. If the kernel had to drop messages, the interfaces are listed again: no change
 * is missed, though several may be reported as one.
 */
public final class LinkMonitor implements AutoCloseable {
  private static final EventLog LOG = EventLog.of(LinkMonitor.class);

  private static final int RTMGRP_LINK = 1;

  /** RTMGRP_IPV4_IFADDR, _ROUTE and _RULE, RTMGRP_IPV6_IFADDR and _ROUTE, RTNLGRP_IPV6_RULE. */
  private static final int ROUTING_GROUPS = 0x10 | 0x40 | 0x80 | 0x100 | 0x400 | 1 << 18;

  private final Netlink news;
  private final Netlink questions;
  private final Wakeup wakeup;
  private final boolean routing;
  private final Consumer<? super LinkEvent> listener;
  private final Map<Integer, Link> known = new HashMap<>();
  private final Thread thread;
  private volatile boolean everywhere;
  private volatile boolean closing;

  private LinkMonitor(
      Netlink news,
      Netlink questions,
      Wakeup wakeup,
      boolean routing,
      Consumer<? super LinkEvent> listener,
      Consumer<? super Throwable> died) {
    this.news = news;
    this.questions = questions;
    this.wakeup = wakeup;
    this.routing = routing;
    this.listener = listener;
    thread = VitalThread.unstarted("link-monitor", this::run, died);
  }

  /**
   * Starts to listen in the calling thread's network namespace. Interfaces that exist already are
   * not reported.
   *
   * @param routing whether to report changes of addresses, routes and rules too
   * @param listener called on the monitor's thread; exceptions that it throws are logged
   * @param died called if the monitor's thread dies although this was not closed
   */
  public static LinkMonitor start(
      boolean routing, Consumer<? super LinkEvent> listener, Consumer<? super Throwable> died)
      throws IOException {
    int groups = routing ? RTMGRP_LINK | ROUTING_GROUPS : RTMGRP_LINK;
    Netlink news = Netlink.open(Netlink.NETLINK_ROUTE, groups);
    Netlink questions = null;
    Wakeup wakeup = null;
    try {
      questions = Netlink.open();
      wakeup = Wakeup.open();
      LinkMonitor monitor = new LinkMonitor(news, questions, wakeup, routing, listener, died);
      for (Link link : new Links(questions).list()) {
        monitor.known.put(link.index(), link);
      }
      monitor.thread.start();
      return monitor;
    } catch (IOException | RuntimeException e) {
      news.close();
      if (questions != null) {
        questions.close();
      }
      if (wakeup != null) {
        wakeup.close();
      }
      throw e;
    }
  }

  /**
   * From now on, also reports changes of interfaces in other network namespaces, as {@link
   * LinkEvent.Elsewhere}.
   *
   * @throws ErrnoException EPERM without CAP_NET_BROADCAST
   */
  public void hearEverywhere() throws ErrnoException {
    if (!everywhere) {
      news.hearEverywhere();
      everywhere = true;
    }
  }

  private void run() throws IOException {
    try {
      while (!closing) {
        Poll.readable(Poll.FOREVER, news.fd(), wakeup.fd());
        if (!closing && Poll.readable(0, news.fd())) {
          hear();
        }
      }
    } finally {
      news.close();
      questions.close();
      wakeup.close();
    }
  }

  private void hear() throws IOException {
    try {
      for (NetlinkMessage message : news.receiveNow("link news")) {
        tell(message);
      }
    } catch (ErrnoException e) {
      if (e.errno() != Errno.ENOBUFS) {
        throw e;
      }
      dropStaleNews();
      catchUp();
    }
  }

  /**
   * Empties the queue before interfaces are listed again: its messages are older than that list,
   * and the kernel silently drops all further messages until the queue was empty once.
   */
  private void dropStaleNews() throws IOException {
    while (Poll.readable(0, news.fd())) {
      try {
        news.receiveNow("link news");
      } catch (ErrnoException e) {
        if (e.errno() != Errno.ENOBUFS) {
          throw e;
        }
      }
    }
  }

  private void tell(NetlinkMessage message) throws ProtocolException {
    if (message.namespace() != NetlinkMessage.HERE) {
      tellOfElsewhere(message);
      return;
    }
    switch (message.type()) {
      case Links.RTM_NEWLINK, Links.RTM_DELLINK -> tellOfLink(message);
      case Links.RTM_NEWADDR, Links.RTM_DELADDR -> deliver(addressEvent(message));
      case Routes.RTM_NEWROUTE, Routes.RTM_DELROUTE -> deliver(new LinkEvent.RoutesChanged());
      case Rules.RTM_NEWRULE, Rules.RTM_DELRULE -> deliver(new LinkEvent.RulesChanged());
      default ->
          LOG.per("kernel")
              .debug(
                  LogEvent.NETLINK_IGNORED,
                  "netlink message of type {} passed over",
                  message.type());
    }
  }

  /** Reports changes of interfaces in other namespaces; their addresses and routes are ignored. */
  private void tellOfElsewhere(NetlinkMessage message) throws ProtocolException {
    if (message.type() == Links.RTM_NEWLINK || message.type() == Links.RTM_DELLINK) {
      message.attributes(Links.IFINFO);
      deliver(new LinkEvent.Elsewhere(message.payload().getInt(4)));
    }
  }

  private void tellOfLink(NetlinkMessage message) throws ProtocolException {
    Link link = Link.parse(message);
    // A bridge reports its ports with the same message type but another family; a wireless driver
    // sends a link with hardly any attributes.
    boolean whole = message.payload().get(0) == 0 && link.mtu() != 0;
    if (whole && message.type() == Links.RTM_NEWLINK) {
      seen(link);
    } else if (whole) {
      gone(link.index());
    }
  }

  private static LinkEvent addressEvent(NetlinkMessage message) throws ProtocolException {
    message.attributes(8);
    return new LinkEvent.AddressesChanged(message.payload().getInt(4));
  }

  private void seen(Link link) {
    Link before = known.put(link.index(), link);
    if (before == null) {
      deliver(new LinkEvent.Added(link));
    } else if (!before.equals(link)) {
      deliver(new LinkEvent.Changed(before, link));
    }
  }

  private void gone(int index) {
    Link before = known.remove(index);
    if (before != null) {
      deliver(new LinkEvent.Gone(before));
    }
  }

  private void catchUp() throws IOException {
    Map<Integer, Link> now = new HashMap<>();
    for (Link link : new Links(questions).list()) {
      now.put(link.index(), link);
    }
    for (Integer index : Set.copyOf(known.keySet())) {
      if (!now.containsKey(index)) {
        gone(index);
      }
    }
    now.values().forEach(this::seen);
    if (everywhere) {
      deliver(new LinkEvent.Elsewhere(0));
    }
    if (routing) {
      now.keySet().forEach(index -> deliver(new LinkEvent.AddressesChanged(index)));
      deliver(new LinkEvent.RoutesChanged());
      deliver(new LinkEvent.RulesChanged());
    }
  }

  private void deliver(LinkEvent event) {
    try {
      listener.accept(event);
    } catch (RuntimeException e) {
      LOG.per("listener").failure(LogEvent.LISTENER_FAILED, e, "a listener failed on {}", event);
    }
  }

  /** Stops. Returns once no further event can come, unless the listener calls it. */
  @Override
  public void close() {
    closing = true;
    wakeup.signal();
    if (Thread.currentThread() != thread) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
