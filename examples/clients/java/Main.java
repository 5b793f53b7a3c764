// Prints the id of a key: javac -d out NextId.java Main.java && java -cp out Main COUNTER KEY
class Main {
    public static void main(String[] words) throws Exception {
        System.out.println(NextId.nextId(words[0], words[1], 10));
    }
}
