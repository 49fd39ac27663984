// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kit;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.LabException;
import dev.culvert.lab.net.Namespace;
import dev.culvert.lab.net.Waiting;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A headless Chromium in a namespace, driven by its DevTools protocol, with a page that starts
 * empty.
 */
public final class Browser implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String PROGRAM = "chromium";

  private final Daemon chromium;
  private final NamespaceRelay relay;
  private final HttpClient client = HttpClient.newHttpClient();
  private final WebSocket socket;
  private final AtomicInteger ids = new AtomicInteger();
  private final Map<Integer, CompletableFuture<JsonNode>> answers = new ConcurrentHashMap<>();

  /** Errors of the page, such as a script that its policy refuses. */
  private final List<String> errors = new CopyOnWriteArrayList<>();

  private Browser(Daemon chromium, NamespaceRelay relay, String path) throws IOException {
    this.chromium = chromium;
    this.relay = relay;
    URI uri = URI.create("ws://127.0.0.1:" + relay.port() + path);
    try {
      socket =
          client
              .newWebSocketBuilder()
              .buildAsync(uri, new Listener())
              .get(Commands.PATIENCE.toSeconds(), TimeUnit.SECONDS);
    } catch (InterruptedException | ExecutionException | TimeoutException e) {
      throw new IOException("no DevTools at " + uri, e);
    }
    call("Page.enable", JSON.createObjectNode());
    call("Runtime.enable", JSON.createObjectNode());
    call("Log.enable", JSON.createObjectNode());
  }

  /** Skips if there is no Chromium. */
  public static void require() {
    Requirements.tool(PROGRAM);
    Requirements.tool("socat");
    Requirements.tool("curl");
  }

  /**
   * Starts a browser.
   *
   * @param folder for its profile
   */
  public static Browser start(Namespace namespace, Path folder) throws IOException {
    Path profile = Files.createDirectories(folder.resolve("chromium"));
    Daemon chromium =
        namespace.start(
            PROGRAM,
            "--headless=new",
            "--no-sandbox", // Root has none.
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--no-first-run",
            "--user-data-dir=" + profile,
            "--remote-debugging-port=0",
            "about:blank");
    NamespaceRelay relay = null;
    try {
      Path active = profile.resolve("DevToolsActivePort");
      chromium.await("DevTools", Commands.PATIENCE, () -> isWhole(active));
      int port = Integer.parseInt(Files.readAllLines(active).getFirst());
      relay = new NamespaceRelay(namespace, port);
      return new Browser(chromium, relay, page(namespace, port));
    } catch (IOException | RuntimeException e) {
      if (relay != null) {
        relay.close();
      }
      chromium.close();
      throw e;
    }
  }

  private static boolean isWhole(Path active) {
    try {
      return Files.exists(active) && Files.readAllLines(active).size() == 2;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The path of the only page's socket. */
  private static String page(Namespace namespace, int port) throws IOException {
    String list = namespace.run("curl", "-sS", "http://127.0.0.1:" + port + "/json").out();
    for (JsonNode target : JSON.readTree(list)) {
      if (target.path("type").asText().equals("page")) {
        return URI.create(target.path("webSocketDebuggerUrl").asText()).getPath();
      }
    }
    throw new LabException("Chromium has no page: " + list);
  }

  private final class Listener implements WebSocket.Listener {
    private final StringBuilder text = new StringBuilder();

    @Override
    public CompletionStage<?> onText(WebSocket webSocket, CharSequence data, boolean last) {
      text.append(data);
      if (last) {
        take(text.toString());
        text.setLength(0);
      }
      webSocket.request(1);
      return CompletableFuture.completedStage(null);
    }
  }

  private void take(String message) {
    try {
      JsonNode node = JSON.readTree(message);
      String method = node.path("method").asText();
      if (node.has("id")) {
        CompletableFuture<JsonNode> waiting = answers.remove(node.path("id").asInt());
        if (waiting != null) {
          waiting.complete(node);
        }
      } else if (method.equals("Runtime.exceptionThrown")
          || (method.equals("Log.entryAdded")
              && node.path("params").path("entry").path("level").asText().equals("error"))) {
        errors.add(node.path("params").toString());
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private JsonNode call(String method, ObjectNode parameters) {
    int id = ids.incrementAndGet();
    ObjectNode message = JSON.createObjectNode().put("id", id).put("method", method);
    message.set("params", parameters);
    CompletableFuture<JsonNode> answer = new CompletableFuture<>();
    answers.put(id, answer);
    try {
      socket
          .sendText(message.toString(), true)
          .get(Commands.PATIENCE.toSeconds(), TimeUnit.SECONDS);
      JsonNode got = answer.get(Commands.PATIENCE.toSeconds(), TimeUnit.SECONDS);
      if (got.has("error")) {
        throw new LabException(method + ": " + got.path("error"));
      }
      return got.path("result");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LabException(method + " was interrupted", e);
    } catch (ExecutionException | TimeoutException e) {
      throw new LabException(method + ": " + e + "\n" + chromium.output(), e);
    }
  }

  /** Opens an address and waits for its document. */
  public void open(String url) {
    call("Page.navigate", JSON.createObjectNode().put("url", url));
    if (!Waiting.until(
        Commands.PATIENCE,
        () -> text("document.readyState + location.href").equals("complete" + url))) {
      throw new LabException(
          url + " was not opened: " + text("document.documentElement.outerHTML"));
    }
  }

  /** The value of an expression in the page, as text. */
  public String text(String expression) {
    ObjectNode parameters = JSON.createObjectNode();
    parameters.put("expression", expression).put("returnByValue", true);
    JsonNode answer = call("Runtime.evaluate", parameters);
    if (answer.has("exceptionDetails")) {
      throw new LabException(expression + ": " + answer.path("exceptionDetails"));
    }
    return answer.path("result").path("value").asText();
  }

  /** Gives the page the size of a screen. */
  public void resize(int width, int height) {
    ObjectNode parameters = JSON.createObjectNode();
    parameters.put("width", width).put("height", height);
    parameters.put("deviceScaleFactor", 1).put("mobile", width < 600);
    call("Emulation.setDeviceMetricsOverride", parameters);
  }

  /** Switches scripts off or on, for the next document. */
  public void scripts(boolean on) {
    call("Emulation.setScriptExecutionDisabled", JSON.createObjectNode().put("value", !on));
  }

  /** A picture of the page as PNG. */
  public byte[] picture() {
    JsonNode answer = call("Page.captureScreenshot", JSON.createObjectNode().put("format", "png"));
    return Base64.getDecoder().decode(answer.path("data").asText());
  }

  /** The errors so far. */
  public List<String> errors() {
    return List.copyOf(errors);
  }

  @Override
  public void close() {
    socket.abort();
    client.close();
    relay.close();
    chromium.close();
  }
}
