// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.HostPort;
import dev.culvert.daemon.config.Place;
import dev.culvert.daemon.config.Values;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.jspecify.annotations.Nullable;

/**
 * The answers to the probes of a pod that lifts the guard, at the address of the gateway's own: it
 * lives, and is ready once the guard is lifted.
 */
final class LiftProbes implements AutoCloseable {
  private static final int BACKLOG = 16;
  private static final long STEP_MILLIS = 50;

  private final InetSocketAddress address;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private @Nullable HttpServer server;
  private volatile boolean lifted;

  /**
   * Answers from now on, unless another program has the address, as a gateway that has not ended.
   *
   * @param option that gave the address
   * @param listen as in 127.0.0.1:9586
   */
  LiftProbes(String option, String listen) throws ConfigException, IOException {
    Place place = new Place(option, 0, "");
    HostPort at = Values.endpoint(place, listen);
    String literal = Values.ip(place, at.host()).toString();
    address = new InetSocketAddress(InetAddress.ofLiteral(literal), at.port());
    try {
      open();
    } catch (BindException e) {
      server = null; // lifted() tries again.
    }
  }

  private void open() throws IOException {
    HttpServer opened = HttpServer.create(address, BACKLOG);
    opened.createContext("/livez", exchange -> answer(exchange, true));
    opened.createContext("/startupz", exchange -> answer(exchange, true));
    opened.createContext("/readyz", exchange -> answer(exchange, lifted));
    opened.setExecutor(threads);
    opened.start();
    server = opened;
  }

  private static void answer(HttpExchange exchange, boolean good) throws IOException {
    try (exchange) {
      byte[] text = (good ? "ok\n" : "not ok\n").getBytes(UTF_8);
      exchange.sendResponseHeaders(good ? 200 : 503, text.length);
      exchange.getResponseBody().write(text);
    }
  }

  /**
   * Says that it is ready from now on.
   *
   * @throws IOException if another program keeps the address
   */
  void lifted(Duration patience) throws IOException, InterruptedException {
    lifted = true;
    long deadline = System.nanoTime() + patience.toNanos();
    while (server == null) {
      try {
        open();
      } catch (BindException e) {
        if (System.nanoTime() - deadline >= 0) {
          throw new IOException(
              "the guard is lifted, but probes get no answer: cannot listen on "
                  + address
                  + ": "
                  + e.getMessage(),
              e);
        }
        Thread.sleep(STEP_MILLIS);
      }
    }
  }

  @Override
  public void close() {
    if (server != null) {
      server.stop(0);
    }
    threads.shutdownNow();
  }
}
