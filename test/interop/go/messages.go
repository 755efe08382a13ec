package main

import "fmt"

// The messages of interop.proto, by hand: field tags are all that both codecs need.

type Empty struct{}

type Message struct {
	Text   string `protobuf:"bytes,1,opt,name=text,proto3" json:"text"`
	Number int64  `protobuf:"varint,2,opt,name=number,proto3" json:"number,string"`
	Data   []byte `protobuf:"bytes,3,opt,name=data,proto3" json:"data"`
}

type Pair struct {
	Key   string `protobuf:"bytes,1,opt,name=key,proto3" json:"key"`
	Value string `protobuf:"bytes,2,opt,name=value,proto3" json:"value"`
}

type Seen struct {
	Metadata    []*Pair `protobuf:"bytes,1,rep,name=metadata,proto3" json:"metadata"`
	TimeoutNano int64   `protobuf:"varint,2,opt,name=timeout_nano,proto3" json:"timeoutNano,string"`
}

type Failure struct {
	Code    int32  `protobuf:"varint,1,opt,name=code,proto3"`
	Message string `protobuf:"bytes,2,opt,name=message,proto3"`
	Detail  string `protobuf:"bytes,3,opt,name=detail,proto3"`
}

type Detail struct {
	Text string `protobuf:"bytes,1,opt,name=text,proto3"`
}

type Pause struct {
	Milliseconds int64 `protobuf:"varint,1,opt,name=milliseconds,proto3"`
}

type Size struct {
	Bytes int64 `protobuf:"varint,1,opt,name=bytes,proto3"`
}

type Countdown struct {
	Count     int32 `protobuf:"varint,1,opt,name=count,proto3"`
	FailAfter int32 `protobuf:"varint,2,opt,name=fail_after,proto3"`
	Code      int32 `protobuf:"varint,3,opt,name=code,proto3"`
}

type Number struct {
	Value int64 `protobuf:"varint,1,opt,name=value,proto3" json:"value,string"`
}

type Total struct {
	Sum   int64 `protobuf:"varint,1,opt,name=sum,proto3" json:"sum,string"`
	Count int64 `protobuf:"varint,2,opt,name=count,proto3" json:"count,string"`
}

// message is what the protobuf runtimes before APIv2 call a message; wire makes of it what this build's codec wants.
type message interface {
	Reset()
	String() string
	ProtoMessage()
}

func (m *Empty) Reset()     { *m = Empty{} }
func (m *Message) Reset()   { *m = Message{} }
func (m *Pair) Reset()      { *m = Pair{} }
func (m *Seen) Reset()      { *m = Seen{} }
func (m *Failure) Reset()   { *m = Failure{} }
func (m *Detail) Reset()    { *m = Detail{} }
func (m *Pause) Reset()     { *m = Pause{} }
func (m *Size) Reset()      { *m = Size{} }
func (m *Countdown) Reset() { *m = Countdown{} }
func (m *Number) Reset()    { *m = Number{} }
func (m *Total) Reset()     { *m = Total{} }

func (m *Empty) String() string     { return fmt.Sprint(*m) }
func (m *Message) String() string   { return fmt.Sprint(*m) }
func (m *Pair) String() string      { return fmt.Sprint(*m) }
func (m *Seen) String() string      { return fmt.Sprint(*m) }
func (m *Failure) String() string   { return fmt.Sprint(*m) }
func (m *Detail) String() string    { return fmt.Sprint(*m) }
func (m *Pause) String() string     { return fmt.Sprint(*m) }
func (m *Size) String() string      { return fmt.Sprint(*m) }
func (m *Countdown) String() string { return fmt.Sprint(*m) }
func (m *Number) String() string    { return fmt.Sprint(*m) }
func (m *Total) String() string     { return fmt.Sprint(*m) }

func (*Empty) ProtoMessage()     {}
func (*Message) ProtoMessage()   {}
func (*Pair) ProtoMessage()      {}
func (*Seen) ProtoMessage()      {}
func (*Failure) ProtoMessage()   {}
func (*Detail) ProtoMessage()    {}
func (*Pause) ProtoMessage()     {}
func (*Size) ProtoMessage()      {}
func (*Countdown) ProtoMessage() {}
func (*Number) ProtoMessage()    {}
func (*Total) ProtoMessage()     {}
