// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.observe;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsParameters;
import com.sun.net.httpserver.HttpsServer;
import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.ObservabilityConfig;
import dev.culvert.daemon.config.ObservabilityConfig.Tls;
import dev.culvert.daemon.page.PageServer;
import dev.culvert.daemon.page.PageServer.Content;
import dev.culvert.log.EventLog;
import dev.culvert.log.LogEvent;
import io.prometheus.metrics.exporter.httpserver.MetricsHandler;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.instrumentation.jvm.JvmBufferPoolMetrics;
import io.prometheus.metrics.instrumentation.jvm.JvmGarbageCollectorMetrics;
import io.prometheus.metrics.instrumentation.jvm.JvmMemoryMetrics;
import io.prometheus.metrics.instrumentation.jvm.JvmThreadsMetrics;
import io.prometheus.metrics.instrumentation.jvm.ProcessMetrics;
import io.prometheus.metrics.model.registry.MultiCollector;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.FutureTask;
import java.util.function.Supplier;
import javax.net.ssl.SSLParameters;
import org.jspecify.annotations.Nullable;

/**
 * The HTTP server of one gateway: {@code /metrics}, {@code /livez}, {@code /readyz}, {@code
 * /startupz}, and a page for people. Its threads have nothing to do with those of packets.
 */
public final class Endpoint implements AutoCloseable {
  private static final EventLog LOG = EventLog.of(Endpoint.class);
  private static final int BACKLOG = 16;

  /** For this long from its beginning, a look at the gateway is an answer to all who ask. */
  private static final Duration SHARED = Duration.ofMillis(500);

  static {
    // A reader that is slow, or never done, must not hold a connection for ever.
    limit("jdk.httpserver.maxConnections", 64);
    limit("sun.net.httpserver.maxReqTime", 10);
    limit("sun.net.httpserver.maxRspTime", 30);
  }

  private final HttpServer server;
  private final PrometheusRegistry registry = new PrometheusRegistry();
  private final ExecutorService threads;
  private final @Nullable BearerToken token;
  private final @Nullable ServerTls tls;
  private final PageServer page;
  private final Shared live;
  private final Shared ready;

  /**
   * Whether requests have to name this server: nothing but the place of the reader protects the
   * answers, and a browser at that place can be led here by another site's name.
   */
  private final boolean needsOwnName;

  /** Whether this gateway was ready once. */
  private volatile boolean started;

  /** Answers a request that is allowed. */
  private interface Answerer {
    void answer(HttpExchange exchange) throws IOException;
  }

  /**
   * The answer to a question that costs the gateway work, and that anybody may ask: requests that
   * come shortly after each other share it. One that comes later begins anew, even if the earlier
   * ones still wait. Thread-safe.
   */
  private static final class Shared {
    private final Supplier<Health> question;
    private @Nullable FutureTask<Health> last;
    private long askedAt;

    Shared(Supplier<Health> question) {
      this.question = question;
    }

    Health get() throws IOException {
      FutureTask<Health> answer = answer(System.nanoTime());
      answer.run(); // Does nothing if another request runs it or has run it.
      try {
        return answer.get();
      } catch (ExecutionException e) {
        throw new IllegalStateException(e);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IOException("the endpoint ends", e);
      }
    }

    private synchronized FutureTask<Health> answer(long nowNanos) {
      FutureTask<Health> known = last;
      if (known != null && nowNanos - askedAt < SHARED.toNanos()) {
        return known;
      }
      FutureTask<Health> next = new FutureTask<>(question::get);
      last = next;
      askedAt = nowNanos;
      return next;
    }
  }

  private Endpoint(
      HttpServer server, ObservabilityConfig config, @Nullable ServerTls tls, Source source) {
    this.server = server;
    this.tls = tls;
    page = new PageServer(source);
    live = new Shared(source::live);
    ready = new Shared(() -> Health.ready(source.read()));
    token = config.tokenFile() == null ? null : new BearerToken(config.tokenFile());
    needsOwnName = token == null && config.isLocal();
    threads = Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("metrics-", 0).factory());
  }

  private static void limit(String property, int value) {
    if (System.getProperty(property) == null) {
      System.setProperty(property, String.valueOf(value));
    }
  }

  /**
   * Opens the endpoint.
   *
   * @throws ConfigException if a file of TLS cannot be used, or the address is not free
   */
  public static Endpoint open(ObservabilityConfig config, Source source) throws ConfigException {
    Tls files = config.tls();
    ServerTls tls = files == null ? null : ServerTls.read(files);
    try {
      Endpoint endpoint = new Endpoint(bound(config, tls), config, tls, source);
      endpoint.start(source);
      return endpoint;
    } catch (IOException e) {
      throw config.place().error("cannot listen on " + config.listen() + ": " + e.getMessage());
    }
  }

  private static HttpServer bound(ObservabilityConfig config, @Nullable ServerTls tls)
      throws IOException {
    HttpServer server = tls == null ? HttpServer.create() : secured(tls);
    try {
      server.bind(
          new InetSocketAddress(InetAddress.ofLiteral(config.address().toString()), config.port()),
          BACKLOG);
      return server;
    } catch (IOException e) {
      server.stop(0); // Its timers have threads.
      throw e;
    }
  }

  private static HttpsServer secured(ServerTls tls) throws IOException {
    HttpsServer server = HttpsServer.create();
    try {
      server.setHttpsConfigurator(
          new HttpsConfigurator(tls.context()) {
            @Override
            public void configure(HttpsParameters parameters) {
              SSLParameters wanted = getSSLContext().getDefaultSSLParameters();
              wanted.setNeedClientAuth(tls.asksClients());
              parameters.setSSLParameters(wanted);
            }
          });
    } catch (GeneralSecurityException e) {
      throw new IOException(e);
    }
    return server;
  }

  private void start(Source source) {
    registry.register((MultiCollector) () -> Series.of(source.read(), tls));
    ProcessMetrics.builder().register(registry);
    JvmMemoryMetrics.builder().register(registry);
    JvmGarbageCollectorMetrics.builder().register(registry);
    JvmThreadsMetrics.builder().register(registry);
    JvmBufferPoolMetrics.builder().register(registry);
    HttpHandler metrics = new MetricsHandler(registry);
    page("/metrics", true, named(metrics::handle));
    page("/livez", false, exchange -> health(exchange, live.get()));
    page("/readyz", false, exchange -> health(exchange, ready()));
    page("/startupz", false, exchange -> health(exchange, started()));
    page("/page.css", false, named(exchange -> answer(exchange, PageServer.style())));
    page("/page.js", false, named(exchange -> answer(exchange, PageServer.script())));
    page("/", false, this::forPeople);
    server.setExecutor(threads);
    server.start();
  }

  /** All series now, in Prometheus' text format. */
  public String text() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try {
      PrometheusTextFormatWriter.create().write(out, registry.scrape());
    } catch (IOException e) {
      throw new UncheckedIOException("memory is always writable", e);
    }
    return out.toString(StandardCharsets.UTF_8);
  }

  private Health ready() throws IOException {
    Health now = ready.get();
    if (now.good()) {
      started = true;
    }
    return now;
  }

  private Health started() throws IOException {
    return started ? Health.STARTED : ready();
  }

  /** As {@code answerer}, but only for requests that name this server, if they have to. */
  private Answerer named(Answerer answerer) {
    return exchange -> {
      if (needsOwnName && !isNamed(exchange)) {
        refuseName(exchange);
      } else {
        answerer.answer(exchange);
      }
    };
  }

  private static boolean isNamed(HttpExchange exchange) {
    return PageServer.isOwnName(exchange.getRequestHeaders().getFirst("Host"), MachineName.read());
  }

  private static void refuseName(HttpExchange exchange) throws IOException {
    answer(exchange, 421, "name this gateway by an address, localhost, or its host's name\n");
  }

  private void page(String path, boolean secret, Answerer answerer) {
    server.createContext(
        path,
        exchange -> {
          try (exchange) {
            exchange.getResponseHeaders().set("Cache-Control", "no-store");
            exchange.getResponseHeaders().set("X-Content-Type-Options", "nosniff");
            String method = exchange.getRequestMethod();
            if (!method.equals("GET") && !method.equals("HEAD")) {
              answer(exchange, 405, "only GET\n");
            } else if (secret && !allowed(exchange)) {
              exchange.getResponseHeaders().set("WWW-Authenticate", "Bearer");
              answer(exchange, 401, "a token is needed\n");
            } else {
              answerer.answer(exchange);
            }
          } catch (RuntimeException e) {
            LOG.per(path).failure(LogEvent.METRICS_INCOMPLETE, e, "{} could not be answered", path);
            throw e;
          }
        });
  }

  private void forPeople(HttpExchange exchange) throws IOException {
    if (!exchange.getRequestURI().getPath().equals("/")) {
      answer(exchange, 404, "not found\n");
    } else if (!isNamed(exchange)) {
      refuseName(exchange);
    } else if (allowed(exchange)) {
      answer(exchange, page.page(exchange.getRequestURI().getRawQuery()));
    } else {
      answer(exchange, PageServer.askForToken());
    }
  }

  private boolean allowed(HttpExchange exchange) {
    return token == null || token.allows(exchange.getRequestHeaders().getFirst("Authorization"));
  }

  private void health(HttpExchange exchange, Health health) throws IOException {
    String query = exchange.getRequestURI().getQuery();
    boolean verbose = query != null && query.equals("verbose") && allowed(exchange);
    int status = health.good() ? 200 : 503;
    String word = health.good() ? "ok\n" : "not ok\n";
    if (verbose) {
      named(own -> answer(own, status, health.verbose() + word)).answer(exchange);
    } else {
      answer(exchange, status, word);
    }
  }

  private static void answer(HttpExchange exchange, int status, String text) throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    answer(exchange, new Content(status, "text/plain; charset=utf-8", bytes));
  }

  private static void answer(HttpExchange exchange, Content content) throws IOException {
    exchange.getResponseHeaders().set("Content-Type", content.type());
    PageServer.HEADERS.forEach(exchange.getResponseHeaders()::set);
    boolean body = !exchange.getRequestMethod().equals("HEAD");
    exchange.sendResponseHeaders(content.status(), body ? content.body().length : -1);
    if (body) {
      exchange.getResponseBody().write(content.body());
    }
  }

  /** Whether the files of TLS have changed since this was opened. */
  public boolean isOutdated(ObservabilityConfig config) throws ConfigException {
    Tls files = config.tls();
    return files != null && !ServerTls.read(files).equals(tls);
  }

  /** Ends at once; answers that are under way are cut short. */
  @Override
  public void close() {
    page.close();
    server.stop(0);
    threads.shutdownNow();
  }
}
