import com.sun.security.jgss.ExtendedGSSContext;
import com.sun.security.jgss.InquireType;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.security.Key;
import java.security.PrivilegedActionException;
import java.security.PrivilegedExceptionAction;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import javax.security.auth.Subject;
import javax.security.auth.login.AppConfigurationEntry;
import javax.security.auth.login.AppConfigurationEntry.LoginModuleControlFlag;
import javax.security.auth.login.Configuration;
import javax.security.auth.login.LoginContext;
import org.ietf.jgss.ChannelBinding;
import org.ietf.jgss.GSSContext;
import org.ietf.jgss.GSSCredential;
import org.ietf.jgss.GSSException;
import org.ietf.jgss.GSSManager;
import org.ietf.jgss.GSSName;
import org.ietf.jgss.MessageProp;
import org.ietf.jgss.Oid;
import sun.security.jgss.krb5.internal.TlsChannelBindingImpl;

/**
 * Java's GSS-API as a peer: one line of words in, one out, octets in base64, "-" for none. javaPeer.ts speaks to it.
 * Every answer begins with "ok" or with "error", the major and minor status and the text in base64.
 */
public final class JavaPeer {
    private static final GSSManager MANAGER = GSSManager.getInstance();
    private static final Map<String, Oid> MECHANISMS = new HashMap<>();
    private static Oid krb5Name;

    private final Map<String, Subject> subjects = new HashMap<>();
    private final Map<String, GSSContext> contexts = new HashMap<>();

    public static void main(String[] arguments) throws Exception {
        MECHANISMS.put("krb5", new Oid("1.2.840.113554.1.2.2"));
        MECHANISMS.put("spnego", new Oid("1.3.6.1.5.5.2"));
        krb5Name = new Oid("1.2.840.113554.1.2.2.1");
        JavaPeer peer = new JavaPeer();
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        PrintStream out = new PrintStream(System.out, true, "US-ASCII");
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            out.println(peer.answer(line.split(" ")));
        }
    }

    private String answer(String[] words) {
        try {
            return "ok " + String.join(" ", obey(words));
        } catch (Throwable thrown) {
            Throwable cause = thrown instanceof PrivilegedActionException ? thrown.getCause() : thrown;
            GSSException error = cause instanceof GSSException ? (GSSException) cause : null;
            String statuses = error == null ? "0 0" : error.getMajor() + " " + error.getMinor();
            return "error " + statuses + " " + text(String.valueOf(cause).getBytes(StandardCharsets.UTF_8));
        }
    }

    private List<String> obey(String[] words) throws Exception {
        switch (words[0]) {
            case "login":
                return login(words[1], words[2], words[3], words[4]);
            case "accept":
                return accept(words[1], words[2], words[3], words[4], words[5]);
            case "initiate":
                return initiate(words[1], words[2], words[3], words[4], Integer.parseInt(words[5]), words[6], words[7]);
            case "wrap":
                return List.of(wrap(contexts.get(words[1]), words[2].equals("true"), octets(words[3])));
            case "unwrap":
                return unwrap(contexts.get(words[1]), octets(words[2]));
            case "mic":
                return List.of(mic(contexts.get(words[1]), octets(words[2])));
            case "verify":
                return verify(contexts.get(words[1]), octets(words[2]), octets(words[3]));
            case "key":
                return sessionKey(contexts.get(words[1]));
            default:
                throw new IllegalArgumentException(words[0]);
        }
    }

    /** kind: "acceptor" with a keytab, "keytab" or "ccache" of an initiator. */
    private List<String> login(String name, String kind, String principal, String file) throws Exception {
        Map<String, String> options = new HashMap<>();
        options.put("principal", principal);
        options.put("doNotPrompt", "true");
        if (kind.equals("ccache")) {
            options.put("useTicketCache", "true");
            options.put("ticketCache", file);
        } else {
            options.put("useKeyTab", "true");
            options.put("storeKey", "true");
            options.put("keyTab", file);
            options.put("isInitiator", Boolean.toString(kind.equals("keytab")));
        }
        Configuration configuration = new Configuration() {
            @Override
            public AppConfigurationEntry[] getAppConfigurationEntry(String ignored) {
                return new AppConfigurationEntry[] {
                    new AppConfigurationEntry(
                            "com.sun.security.auth.module.Krb5LoginModule", LoginModuleControlFlag.REQUIRED, options)
                };
            }
        };
        LoginContext login = new LoginContext(name, new Subject(), null, configuration);
        login.login();
        subjects.put(name, login.getSubject());
        return List.of();
    }

    private List<String> accept(String side, String subject, String mechanism, String bound, String token)
            throws Exception {
        return as(subject, () -> {
            GSSContext context = contexts.get(side);
            if (context == null) {
                Oid[] oids = mechanism.equals("any") ? null : new Oid[] {MECHANISMS.get(mechanism)};
                GSSCredential credential = MANAGER.createCredential(
                        null, GSSCredential.INDEFINITE_LIFETIME, oids, GSSCredential.ACCEPT_ONLY);
                context = MANAGER.createContext(credential);
                bind(context, bound);
                contexts.put(side, context);
            }
            byte[] input = octets(token);
            return state(context, context.acceptSecContext(input, 0, input.length));
        });
    }

    /** subject: of a login, or "delegated:SIDE". */
    private List<String> initiate(
            String side, String subject, String target, String mechanism, int flags, String bound, String token)
            throws Exception {
        return as(subject, () -> {
            GSSContext context = contexts.get(side);
            if (context == null) {
                GSSName name = MANAGER.createName(target, krb5Name);
                context = MANAGER.createContext(
                        name, MECHANISMS.get(mechanism), delegated(subject), GSSContext.DEFAULT_LIFETIME);
                context.requestCredDeleg((flags & 1) != 0);
                context.requestMutualAuth((flags & 2) != 0);
                context.requestReplayDet((flags & 4) != 0);
                context.requestSequenceDet((flags & 8) != 0);
                context.requestConf((flags & 16) != 0);
                context.requestInteg((flags & 32) != 0);
                bind(context, bound);
                contexts.put(side, context);
            }
            byte[] input = token.equals("-") ? new byte[0] : octets(token);
            return state(context, context.initSecContext(input, 0, input.length));
        });
    }

    private GSSCredential delegated(String subject) throws GSSException {
        return subject.startsWith("delegated:") ? contexts.get(subject.substring(10)).getDelegCred() : null;
    }

    private List<String> as(String subject, PrivilegedExceptionAction<List<String>> action) throws Exception {
        return subject.startsWith("delegated:") ? action.run() : Subject.doAs(subjects.get(subject), action);
    }

    /** bound: "-", or application data behind "plain:" (no addresses, as Java hashes them) or "tls:" (as others do). */
    private static void bind(GSSContext context, String bound) throws GSSException {
        if (bound.equals("-")) return;
        byte[] data = octets(bound.substring(bound.indexOf(':') + 1));
        context.setChannelBinding(bound.startsWith("tls:") ? new TlsChannelBindingImpl(data) : new ChannelBinding(data));
    }

    private static List<String> state(GSSContext context, byte[] token) throws GSSException {
        List<String> words = new ArrayList<>();
        words.add(token == null ? "-" : text(token));
        boolean done = context.isEstablished();
        words.add(Boolean.toString(done));
        if (done) {
            words.add(Integer.toString(flags(context)));
            words.add(context.getSrcName().toString());
            words.add(context.getTargName().toString());
            boolean delegated = !context.isInitiator() && context.getCredDelegState();
            words.add(delegated ? context.getDelegCred().getName().toString() : "-");
            words.add(Integer.toString(context.getLifetime()));
        }
        return words;
    }

    private static int flags(GSSContext context) {
        return (context.getCredDelegState() ? 1 : 0)
                | (context.getMutualAuthState() ? 2 : 0)
                | (context.getReplayDetState() ? 4 : 0)
                | (context.getSequenceDetState() ? 8 : 0)
                | (context.getConfState() ? 16 : 0)
                | (context.getIntegState() ? 32 : 0);
    }

    private static String wrap(GSSContext context, boolean confidential, byte[] message) throws GSSException {
        return text(context.wrap(message, 0, message.length, new MessageProp(0, confidential)));
    }

    private static List<String> unwrap(GSSContext context, byte[] token) throws GSSException {
        MessageProp properties = new MessageProp(0, false);
        byte[] message = context.unwrap(token, 0, token.length, properties);
        return List.of(text(message), Boolean.toString(properties.getPrivacy()), anomalies(properties));
    }

    private static String mic(GSSContext context, byte[] message) throws GSSException {
        return text(context.getMIC(message, 0, message.length, new MessageProp(0, false)));
    }

    private static List<String> verify(GSSContext context, byte[] message, byte[] token) throws GSSException {
        MessageProp properties = new MessageProp(0, false);
        context.verifyMIC(token, 0, token.length, message, 0, message.length, properties);
        return List.of(anomalies(properties));
    }

    private static String anomalies(MessageProp properties) {
        List<String> found = new ArrayList<>();
        if (properties.isDuplicateToken()) found.add("duplicate");
        if (properties.isOldToken()) found.add("old");
        if (properties.isUnseqToken()) found.add("unsequenced");
        if (properties.isGapToken()) found.add("gap");
        return found.isEmpty() ? "-" : String.join("+", found);
    }

    private static List<String> sessionKey(GSSContext context) throws GSSException {
        Key key = (Key) ((ExtendedGSSContext) context).inquireSecContext(InquireType.KRB5_GET_SESSION_KEY_EX);
        return List.of(key.getAlgorithm(), text(key.getEncoded()));
    }

    private static byte[] octets(String word) {
        return word.equals("-") ? new byte[0] : Base64.getDecoder().decode(word);
    }

    private static String text(byte[] octets) {
        return octets.length == 0 ? "-" : Base64.getEncoder().encodeToString(octets);
    }
}
