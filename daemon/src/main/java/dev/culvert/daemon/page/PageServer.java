// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.page;

import dev.culvert.daemon.admin.OverviewView;
import dev.culvert.daemon.admin.OverviewView.Amount;
import dev.culvert.daemon.admin.PeerRates;
import dev.culvert.daemon.admin.RoutesView.ExplanationView;
import dev.culvert.log.EventLog;
import dev.culvert.log.LogEvent;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The page and its files, as answers of an HTTP server. Samples the throughput from its start to
 * its end.
 */
public final class PageServer implements AutoCloseable {
  private static final EventLog LOG = EventLog.of(PageServer.class);

  /** Nothing is loaded from elsewhere, no other site may show the page, and nothing is inline. */
  public static final Map<String, String> HEADERS =
      Map.of(
          "Content-Security-Policy",
          "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self';"
              + " img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
          "X-Frame-Options",
          "DENY",
          "Referrer-Policy",
          "no-referrer");

  /** The gateway, as its page asks it. Thread-safe. */
  public interface Gateway {
    OverviewView overview();

    /** The bytes and packets sent and received so far, without waiting for any thread. */
    List<Amount> traffic();

    /**
     * The verdict on a packet.
     *
     * @param ends in the words of {@code culvert routes --explain}
     * @throws IOException if they are no question, with the reason
     */
    ExplanationView explain(List<String> ends) throws IOException;
  }

  /**
   * An answer.
   *
   * @param type the content type
   */
  @SuppressWarnings("ArrayRecordComponent") // Written once, and read once.
  public record Content(int status, String type, byte[] body) {
    static Content html(int status, String text) {
      return new Content(status, "text/html; charset=utf-8", text.getBytes(StandardCharsets.UTF_8));
    }
  }

  private final Gateway gateway;
  private final History history = new History();
  private final PeerRates rates = new PeerRates();
  private final Thread sampler;

  public PageServer(Gateway gateway) {
    this.gateway = gateway;
    sampler = Thread.ofVirtual().name("page-history").start(this::sample);
  }

  private void sample() {
    try {
      while (true) {
        addSample();
        Thread.sleep(History.STEP);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // The end, as it is meant.
    }
  }

  /** Adds the traffic until now; if that fails, the page lacks one sample. */
  private void addSample() {
    try {
      List<Amount> traffic = gateway.traffic();
      history.add(System.nanoTime(), traffic.getFirst(), traffic.getLast());
    } catch (RuntimeException e) {
      LOG.per("page-history")
          .failure(LogEvent.METRICS_INCOMPLETE, e, "the page lacks a sample of the throughput");
    }
  }

  /**
   * Whether a request names this server. A browser that was led here by another site's name (DNS
   * rebinding) names that site, which would read the answers then.
   *
   * @param host the header {@code Host}, null if there is none
   * @param machine the name of this machine
   */
  public static boolean isOwnName(@Nullable String host, String machine) {
    if (host == null) {
      return false;
    }
    String name = host.replaceFirst(":\\d{1,5}$", "");
    return name.equalsIgnoreCase("localhost")
        || name.equalsIgnoreCase(machine)
        || name.matches("\\d{1,3}(\\.\\d{1,3}){3}|\\[[0-9a-fA-F:.]+(%[0-9a-zA-Z.%_-]+)?]");
  }

  /**
   * The page.
   *
   * @param rawQuery the part of the address after the question mark, null if there is none
   */
  public Content page(@Nullable String rawQuery) {
    PageQuery query;
    try {
      query = PageQuery.parse(rawQuery);
    } catch (IllegalArgumentException e) {
      return new Content(
          400,
          "text/plain; charset=utf-8",
          ("the address is malformed: " + e.getMessage() + "\n").getBytes(StandardCharsets.UTF_8));
    }
    OverviewView now = gateway.overview();
    return Content.html(
        200, new WebPage(now, history.rates(), rates.at(now), query, answer(query)).render());
  }

  private WebPage.@Nullable Answer answer(PageQuery query) {
    if (!query.asks()) {
      return null;
    }
    try {
      return WebPage.Answer.of(gateway.explain(query.ends()));
    } catch (IOException e) {
      return new WebPage.Answer(String.valueOf(e.getMessage()), List.of());
    }
  }

  /** The page of somebody who has to give the token first. */
  public static Content askForToken() {
    return Content.html(401, WebPage.askForToken());
  }

  /** The style of the page. */
  public static Content style() {
    return new Content(200, "text/css; charset=utf-8", file("page.css"));
  }

  /** The script of the page. */
  public static Content script() {
    return new Content(200, "text/javascript; charset=utf-8", file("page.js"));
  }

  private static byte[] file(String name) {
    try (InputStream in = Objects.requireNonNull(PageServer.class.getResourceAsStream(name))) {
      return in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    sampler.interrupt();
  }
}
